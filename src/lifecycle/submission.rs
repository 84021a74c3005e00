//! The message that brings an accepted order to the order-processor. Written by the intake, and by the scheduler when the first one
//! was lost.

use serde::Serialize;

use crate::contract::Outgoing;
use crate::contract::order::SUBMITTED;
use crate::domain::{OrderId, Priority};
use crate::topology::WorkQueue;

/// Where orders of this priority wait for the order-processor.
pub fn queue_of(priority: Priority) -> WorkQueue {
    match priority {
        Priority::Normal => WorkQueue::OrderProcessing,
        Priority::High => WorkQueue::OrderProcessingHigh,
    }
}

/// `order`: its JSON, or what becomes it.
///
/// # Errors
/// When `order` cannot be written as JSON.
pub fn submission<T: Serialize>(
    id: OrderId,
    priority: Priority,
    correlation_id: &str,
    order: &T,
) -> Result<Outgoing, serde_json::Error> {
    let (exchange, routing_key) = queue_of(priority).way_in();
    let message = Outgoing::json(id.message_id(SUBMITTED), exchange, routing_key, "order.submitted", order)?;
    Ok(message.correlated(Some(correlation_id)).urgent_as(priority))
}
