//! What a run of the load generator is asked to do. Made by `src/cli/bench.rs`, read by [`super::run`].

use std::time::Duration;

use reqwest::Url;
use sqlx::postgres::PgConnectOptions;

/// How orders are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Each connection sends its next order when it has the answer to the one before: finds the highest rate.
    Closed { connections: usize },
    /// So many orders per second on a fixed schedule, whatever the API answers: finds honest latencies at that rate.
    Rate { per_second: f64, connections: usize },
}

impl Pace {
    /// Most requests at once.
    pub fn connections(self) -> usize {
        match self {
            Self::Closed { connections } | Self::Rate { connections, .. } => connections,
        }
    }
}

#[derive(Clone)]
pub struct LoadOptions {
    pub api: Url,
    /// What proves to the API who calls.
    pub access_token: Option<String>,
    pub pace: Pace,
    pub orders: u64,
    /// Orders before these, sent the same way and not measured.
    pub warm_up: u64,
    /// Part of every idempotency key: a run that is repeated under its name orders nothing twice.
    pub name: String,
    /// Want products of our own, so many of them; else those of the catalogue.
    pub products: Option<u32>,
    pub payment_token: Option<String>,
    /// Longest wait for one answer.
    pub request_timeout: Duration,
    /// Longest wait for the end of all orders; without one, nobody waits.
    pub settle: Option<Duration>,
    /// Asked for what became of the orders; without it, the API is.
    pub database: Option<PgConnectOptions>,
}
