//! Rows of `dead_letters` as values.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::Row;
use sqlx::postgres::PgRow;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::decode::{decode, json_column};

/// What an operator has to do with a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeadLetterState)]
pub enum State {
    /// Waits for an operator.
    Unresolved,
    /// Someone is publishing it right now, or died while doing so.
    Replaying,
    /// Handed back to its consumer; comes back as unresolved if it fails again.
    Resolved,
    /// Given up by an operator, with a reason.
    Discarded,
    /// Waits for an earlier message of the same order.
    Parked,
}

impl State {
    pub const ALL: [Self; 5] = [Self::Unresolved, Self::Replaying, Self::Resolved, Self::Discarded, Self::Parked];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unresolved => "unresolved",
            Self::Replaying => "replaying",
            Self::Resolved => "resolved",
            Self::Discarded => "discarded",
            Self::Parked => "parked",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of unresolved, replaying, resolved, discarded, parked; got {0:?}")]
pub struct UnknownState(String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| UnknownState(text.to_owned()))
    }
}

/// One line of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub struct Summary {
    pub id: Uuid,
    pub message_id: Uuid,
    /// Whose consumer failed; empty when nobody can tell.
    pub queue: String,
    pub exchange: String,
    pub routing_key: String,
    pub reason: String,
    pub error: String,
    pub kind: Option<String>,
    pub correlation_id: Option<String>,
    pub order_id: Option<Uuid>,
    /// The group of one cause; `None` for letters from before there were groups.
    pub group_id: Option<Uuid>,
    pub customer_id: Option<String>,
    pub skus: Vec<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub first_failed_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub last_failed_at: OffsetDateTime,
    pub failures: i32,
    pub replays: i32,
    pub state: State,
    pub state_reason: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub state_changed_at: OffsetDateTime,
}

/// Everything about one dead letter.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    pub summary: Summary,
    /// Headers as `messaging::record` writes them.
    pub headers: Map<String, Value>,
    pub properties: Map<String, Value>,
    /// The broker's `x-death`.
    pub deaths: Value,
    pub payload: Vec<u8>,
}

pub(super) fn read_summary(row: &PgRow) -> Result<Summary, sqlx::Error> {
    Ok(Summary {
        id: row.try_get("id")?,
        message_id: row.try_get("message_id")?,
        queue: row.try_get("queue")?,
        exchange: row.try_get("exchange")?,
        routing_key: row.try_get("routing_key")?,
        reason: row.try_get("reason")?,
        error: row.try_get("error")?,
        kind: row.try_get("kind")?,
        correlation_id: row.try_get("correlation_id")?,
        order_id: row.try_get("order_id")?,
        group_id: row.try_get("group_id")?,
        customer_id: row.try_get("customer_id")?,
        skus: row.try_get("skus")?,
        first_failed_at: row.try_get("first_failed_at")?,
        last_failed_at: row.try_get("last_failed_at")?,
        failures: row.try_get("failures")?,
        replays: row.try_get("replays")?,
        state: decode(row.try_get::<&str, _>("state")?.parse())?,
        state_reason: row.try_get("state_reason")?,
        state_changed_at: row.try_get("state_changed_at")?,
    })
}

pub(super) fn read(row: &PgRow) -> Result<DeadLetter, sqlx::Error> {
    Ok(DeadLetter {
        summary: read_summary(row)?,
        headers: json_column(row, "headers")?.unwrap_or_default(),
        properties: json_column(row, "properties")?.unwrap_or_default(),
        deaths: json_column(row, "deaths")?.unwrap_or_default(),
        payload: row.try_get("payload")?,
    })
}
