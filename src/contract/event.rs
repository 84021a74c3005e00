//! The event on `events`: the order's JSON as it is after the change, and when the change happened.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::domain::Order;

/// Written by the order-processor.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderEvent<'a> {
    #[serde(flatten)]
    pub order: &'a Order,
    /// When the order came into this status.
    #[serde(with = "time::serde::rfc3339")]
    pub occurred_at: OffsetDateTime,
}

/// As consumers read it.
#[derive(Clone, Debug, Deserialize)]
pub struct ReceivedOrderEvent {
    #[serde(flatten)]
    pub order: Order,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub occurred_at: Option<OffsetDateTime>,
}
