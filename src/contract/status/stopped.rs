//! The parts of the status that tell what operators have done and have to do: causes of dead letters, replays, what is stopped.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Causes with letters that wait for an operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct OpenGroups {
    /// Letters are counted no further, over all groups.
    pub counted_up_to: i64,
    /// All groups with letters that wait, as far as they were counted.
    pub groups: i64,
    /// Those with the most letters that wait.
    pub largest: Vec<OpenGroup>,
}

/// One cause, and how many wait because of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OpenGroup {
    pub id: Uuid,
    /// The error without ids, numbers and quotations.
    pub cause: String,
    /// Whose consumer failed; empty when nobody can tell.
    pub queue: String,
    pub reason: String,
    /// Letters that wait for an operator now.
    pub letters: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen: OffsetDateTime,
    /// Deaths in the last hour, and in the hour before it: the trend.
    pub last_hour: i64,
    pub hour_before: i64,
    /// `open`, or `acknowledged` when somebody works on it.
    pub state: String,
    pub owner: Option<String>,
}

/// A replay that has not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayStatus {
    pub id: Uuid,
    /// Who asked for it, as in `operator:anna`.
    pub operator: String,
    /// What was selected, in words.
    pub selection: String,
    /// `running` or `paused`.
    pub state: String,
    /// Why it is paused.
    pub state_reason: Option<String>,
    pub total: i32,
    /// Messages whose end is known: applied, failed, skipped, not seen to end, or kept.
    pub ended: i32,
    pub applied: i32,
    /// Failed again.
    pub failed: i32,
    /// On their way now.
    pub sent: i32,
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

/// What an operator can stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StoppedKind {
    /// The consumers of a queue.
    Consumer,
    Order,
}

/// Something that an operator has stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stopped {
    pub kind: StoppedKind,
    /// A queue, or an order's id.
    #[schema(example = "payment_requests")]
    pub what: String,
    pub reason: String,
    /// Who, as in `operator:anna`.
    #[schema(example = "operator:anna")]
    pub by: String,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}
