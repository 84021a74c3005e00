//! The limits of the parts: what the same broker and the same database do alone, asked as cheaply as they can be. Called by
//! [`super::run`] before any fleet starts.

mod broker;
mod database;
mod meter;

use serde::{Deserialize, Serialize};

use super::servers::Servers;

/// Microseconds of CPU per unit, and units per second of the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub client: f64,
    pub server: f64,
    pub per_second: f64,
}

impl Cost {
    /// Microseconds of CPU on both sides.
    pub fn both(self) -> f64 {
        self.client + self.server
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// Persistent, to a quorum queue, with confirms; 1,000 open.
    pub publish_pipelined: Cost,
    /// One open.
    pub publish_awaited: Cost,
    pub consume_ack_each: Cost,
    /// One ack per fifty.
    pub consume_ack_fifty: Cost,
    /// An order's row and its outbox row, one round trip and one commit; per order.
    pub order_alone: Cost,
    /// Fifty of them.
    pub order_of_fifty: Cost,
    /// A narrow row; per row.
    pub row_alone: Cost,
    /// Fifty of them.
    pub row_of_fifty: Cost,
    /// The clock, from sending one row to its commit; milliseconds.
    pub commit_p50: f64,
    pub commit_p99: f64,
}

/// Measures all of them; some 20 s on a quiet machine.
///
/// # Errors
/// When a server is away or refuses.
pub async fn measure(servers: &Servers) -> anyhow::Result<Parts> {
    let mut parts = Parts::default();
    broker::measure(servers, &mut parts).await?;
    database::measure(servers, &mut parts).await?;
    Ok(parts)
}
