//! What live tracking sends, over Server-Sent Events and WebSocket alike: the changes of an order's state, and signs of life.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{OrderId, OrderStatus};

/// One change of an order's state: a row of its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transition {
    /// Position in the stream; grows within every stream.
    #[schema(minimum = 1)]
    pub id: i64,
    pub order_id: OrderId,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What happened, as in the order's timeline.
    pub event: String,
    /// Where the order stands since.
    pub status: OrderStatus,
    /// What its saga waits for since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Why, as a sentence; only where something went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Who, as in `operator:anna`; absent in what was written before actors were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The message that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Uuid>,
    /// Of the request that a person made, where no message caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

/// The data of one server-sent event, the text of one WebSocket message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LiveEvent {
    Transition(Transition),
    /// The stream lives. The first one says that everything up to now has been sent.
    Heartbeat {
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
        /// Where to resume.
        #[schema(minimum = 0)]
        after: i64,
    },
}

impl LiveEvent {
    /// Name of the server-sent event.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Transition(_) => "transition",
            Self::Heartbeat { .. } => "heartbeat",
        }
    }

    /// The position that the client has reached with it: `Last-Event-ID`, or `after`.
    pub fn position(&self) -> i64 {
        match self {
            Self::Transition(transition) => transition.id,
            Self::Heartbeat { after, .. } => *after,
        }
    }
}
