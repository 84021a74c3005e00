//! What the scheduler tells the order-processor through `order_replies`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::OrderId;

/// AMQP `type` and `type` field of [`DeadlinePassed`].
pub const DEADLINE_PASSED: &str = "saga.deadline_passed";

/// The step has not been answered in time. Stale ones are harmless: the saga compares the step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
pub enum SagaMessage {
    #[serde(rename = "saga.deadline_passed")]
    DeadlinePassed { order_id: OrderId, step: String },
}
