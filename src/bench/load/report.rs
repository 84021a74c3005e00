//! What a run of the load generator found: written as JSON by `orders bench --json`, read again by `./dev bench`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::latency::LatencySummary;

/// Times in seconds, latencies in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadReport {
    /// `closed` or `open`.
    pub pace: String,
    pub connections: usize,
    /// What the schedule asked for; `None` in a closed loop.
    pub rate: Option<f64>,
    pub orders: u64,
    pub accepted: u64,
    /// Of the accepted: by an earlier run of the same name.
    pub replayed: u64,
    /// Orders that were not accepted, by why.
    pub failed: BTreeMap<String, u64>,
    pub retries: u64,
    pub submit_seconds: f64,
    pub accepted_per_second: f64,
    pub accept_latency: Option<LatencySummary>,
    /// What follows is known only when the end was waited for.
    pub ended: Option<Ended>,
    /// CPU of the load generator itself, sending and waiting.
    pub own_cpu_seconds: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    pub confirmed: u64,
    pub not_confirmed: u64,
    /// From the first order's creation to the last order's end.
    pub final_seconds: f64,
    pub orders_per_second: f64,
    /// From the first order's creation until every notification and event was consumed.
    pub consumed_seconds: f64,
    pub consumed_per_second: f64,
    /// From the rows' timestamps: needs the database.
    pub confirm_latency: Option<LatencySummary>,
}
