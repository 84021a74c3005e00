//! The body of `GET /api/v1/status`: the live state of the fleet. `ops::status` writes it, the command line reads it, perhaps from
//! another version: fields may be added, none renamed.

mod stopped;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::instance::{BreakerReport, ConsumerReport};
pub use stopped::{OpenGroup, OpenGroups, ReplayStatus, Stopped, StoppedKind};

/// A part of the page: had, or the reason why not. In JSON the value itself, or `{"error": …}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Part<T> {
    // first: a list or a page with a field `error` does not exist, and a page of defaults would swallow an error
    Unknown { error: String },
    Known(T),
}

impl<T> Part<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown { .. } => None,
        }
    }

    /// What stands for a part that the writer, of another version, does not know.
    fn untold() -> Self {
        Self::Unknown { error: "this order-api does not tell it".to_owned() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Whether there are no problems.
    pub healthy: bool,
    pub problems: Vec<Trouble>,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    pub queues: Part<Vec<QueueStatus>>,
    pub outbox: Part<OutboxStatus>,
    pub inbox: Part<InboxStatus>,
    pub breakers: Part<Vec<BreakerStatus>>,
    pub stuck_orders: Part<StuckOrders>,
    pub scheduler: Part<SchedulerStatus>,
    pub dead_letters: Part<DeadLetterStatus>,
    #[serde(default = "Part::untold")]
    pub dead_letter_groups: Part<OpenGroups>,
    /// Those that have not ended.
    #[serde(default = "Part::untold")]
    pub replays: Part<Vec<ReplayStatus>>,
    /// Paused consumers, then held orders; the oldest first.
    #[serde(default = "Part::untold")]
    pub stopped: Part<Vec<Stopped>>,
    pub instances: Part<Vec<InstanceStatus>>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trouble {
    /// The field of [`Status`] that shows it.
    pub part: String,
    /// For people: what, since when, what to do.
    pub detail: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct QueueStatus {
    pub name: String,
    /// `present` or `missing`; with the management API its own word, as in `running`.
    pub state: String,
    /// Messages that wait for a consumer. Those in hand are not among them.
    pub messages: u32,
    pub consumers: u32,
    /// Taken and not yet acknowledged, as the consumers themselves last said.
    pub in_hand: u64,
    /// Deliveries per second, as the consumers last said.
    pub taken_per_second: f64,
    /// How long the oldest message had waited that was taken in the consumers' last interval (first attempts only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_taken_seconds: Option<f64>,
    /// At least so old is the oldest message that waits: for so long something has waited and nothing was taken. Known for every
    /// type of queue, to some seconds; absent for retry queues, where messages wait on purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untaken_seconds: Option<f64>,
    /// What the management API adds, where its address is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub management: Option<QueueRates>,
}

impl QueueStatus {
    /// The longest wait that is known: of what waits, or of what was taken last.
    pub fn oldest_seconds(&self) -> Option<f64> {
        [self.untaken_seconds, self.oldest_taken_seconds].into_iter().flatten().reduce(f64::max)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct QueueRates {
    pub state: Option<String>,
    pub unacknowledged: Option<u64>,
    pub published_per_second: Option<f64>,
    pub delivered_per_second: Option<f64>,
    /// Age of the message at the head; classic queues only.
    pub head_seconds: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct OutboxStatus {
    /// Messages that wait for the broker, parked ones included; no more than `counted_up_to`.
    pub messages: i64,
    pub counted_up_to: i64,
    pub oldest_seconds: Option<f64>,
    /// Messages that the broker does not want, the oldest of them.
    pub parked: Vec<ParkedMessage>,
    /// All of the parked ones, up to `counted_up_to`.
    pub parked_messages: i64,
}

/// A message in the outbox that could not be published. What it says is not shown: it may hold personal data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ParkedMessage {
    /// Its place in the outbox; `orders outbox retry` takes it.
    pub id: i64,
    pub message_id: Option<String>,
    pub kind: Option<String>,
    pub exchange: Option<String>,
    pub routing_key: Option<String>,
    pub reason: String,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    pub age_seconds: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct InboxStatus {
    /// Handled messages that are remembered, by the database's own estimate; absent before its first one.
    pub estimated_messages: Option<i64>,
    /// How far back it remembers, by the same estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_seconds: Option<f64>,
}

/// A breaker, and whose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BreakerStatus {
    pub role: String,
    pub host: String,
    pub pid: i32,
    #[serde(flatten)]
    pub breaker: BreakerReport,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct StuckOrders {
    /// No more than `counted_up_to`.
    pub orders: i64,
    pub counted_up_to: i64,
    /// Those that have waited longest.
    pub oldest: Vec<StuckOrder>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StuckOrder {
    pub order_id: Uuid,
    pub status: Option<String>,
    pub waits_for: String,
    /// What keeps it from moving on, where that is known: a hold, or a dead letter of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    pub waited_seconds: f64,
    /// How often something was done about it, what last, and when.
    pub nudges: i32,
    pub last_done: String,
    #[serde(with = "time::serde::rfc3339")]
    pub last_at: OffsetDateTime,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct SchedulerStatus {
    /// Whether some scheduler holds the lock of the leader.
    pub led: bool,
    /// Which one, by the heartbeats.
    pub leader: Option<String>,
    pub jobs: Vec<JobStatus>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobStatus {
    pub job: String,
    #[serde(with = "time::serde::rfc3339")]
    pub last_run_at: OffsetDateTime,
    pub last_run_seconds_ago: f64,
    pub runs: i64,
    pub failures: i64,
    /// Of the last run; absent when it went well.
    pub last_error: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct DeadLetterStatus {
    /// Of each state only the newest are counted.
    pub counted_up_to: i64,
    pub groups: Vec<DeadLetterGroup>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetterGroup {
    pub state: String,
    pub queue: String,
    pub reason: String,
    pub messages: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub last_failed_at: OffsetDateTime,
}

/// One role of one process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstanceStatus {
    pub id: Uuid,
    pub role: String,
    pub host: String,
    pub pid: i32,
    pub version: String,
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    pub uptime_seconds: f64,
    /// `starting`, `running`, `paused`, `draining`: as it last said.
    pub state: String,
    /// What keeps it from running.
    pub reason: Option<String>,
    pub heartbeat_seconds_ago: f64,
    /// It has missed several heartbeats: it died, hangs, or cannot reach the database.
    pub silent: bool,
    /// Silent, but another instance of its role has been started since.
    pub replaced: bool,
    /// Of the whole process.
    pub cpu_seconds: Option<f64>,
    pub cpu_share: Option<f64>,
    pub rss_bytes: Option<i64>,
    pub leads: Option<bool>,
    pub consumer: Option<ConsumerReport>,
}

/// A time in few characters, as in `12 s`, `3 min`, `5 h`, `2 d`.
pub fn span(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "0 s".to_owned(),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3_600.0),
        s => format!("{:.0} d", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_could_not_be_had_is_told_from_an_empty_one() {
        let empty: Part<StuckOrders> = serde_json::from_str("{}").expect("a page of defaults");
        assert_eq!(empty, Part::Known(StuckOrders::default()));
        let unknown: Part<StuckOrders> = serde_json::from_str(r#"{"error": "away"}"#).expect("an error");
        assert_eq!(unknown, Part::Unknown { error: "away".to_owned() });
        assert_eq!(serde_json::to_string(&unknown).expect("JSON"), r#"{"error":"away"}"#);
        let list: Part<Vec<QueueStatus>> = serde_json::from_str("[]").expect("a list");
        assert_eq!(list.known(), Some(&Vec::new()));
    }

    #[test]
    fn times_are_told_in_few_characters() {
        let told = [0.4, 12.4, 119.0, 180.0, 7_200.0, 200_000.0].map(span);
        assert_eq!(told, ["0 s", "12 s", "119 s", "3 min", "2 h", "2 d"]);
    }
}
