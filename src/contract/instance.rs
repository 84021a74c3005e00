//! What a running process says of itself in its heartbeat. Written by `runtime::heartbeat`, kept in the table `instances` and read
//! by `ops::status`, perhaps by another version: fields may be added, and every one that is missing has a default.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Pause between two heartbeats: an operator's look is never older than that, and a fleet of a hundred processes costs the
/// database twenty small statements per second.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// Who has missed so many of them is silent. One may be late because the database was busy.
pub const SILENT_AFTER: Duration = Duration::from_secs(20);

/// What one role of a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceState {
    /// It has not been ready yet.
    Starting,
    Running,
    /// It was ready and waits for something: the broker, the database.
    Paused,
    /// It was told to stop and finishes what is in hand.
    Draining,
}

impl InstanceState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Draining => "draining",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// Calls go out.
    Closed,
    /// Messages wait; nothing is called before the next probe.
    Open,
    /// One probe is on its way.
    HalfOpen,
}

impl BreakerState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// The circuit breaker around one dependency of one role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BreakerReport {
    /// Who is called, as in `payment gateway`.
    pub dependency: String,
    pub state: BreakerState,
    /// Since when the dependency is down (open, half-open), or up again (closed); absent when it has never been down.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub since: Option<OffsetDateTime>,
    /// Failed calls among the last ones, 0 to 1; while it is not closed, those that opened it.
    #[serde(default)]
    pub failure_share: f64,
}

/// What a consumer has taken since its last heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ConsumerReport {
    pub queue: String,
    /// Deliveries taken and not yet acknowledged; those that wait for a breaker are among them.
    pub in_hand: u64,
    /// Deliveries taken in the interval.
    pub taken: u64,
    /// Seconds since the heartbeat before.
    pub interval_seconds: f64,
    /// The longest time between a publish and our taking it, among the first attempts taken in the interval: seconds, as exact as
    /// the AMQP property `timestamp`, which has whole ones. Absent when nothing with a timestamp was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_taken_seconds: Option<f64>,
}

/// The parts of a heartbeat that only some roles have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstanceDetail {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<ConsumerReport>,
    /// Of a scheduler: whether it leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leads: Option<bool>,
    /// Processors that the whole process kept busy since its last heartbeat, as in 0.25.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_share: Option<f64>,
}
