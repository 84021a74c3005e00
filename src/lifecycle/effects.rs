//! The effects of a decision as messages. Every id is derived from the order and the step, so a repeated decision repeats its
//! messages instead of making new ones.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::contract::event::OrderEvent;
use crate::contract::inventory::InventoryRequest;
use crate::contract::notification::Notification;
use crate::contract::payment::{PaymentRequest, REFUND};
use crate::contract::{Outgoing, headers};
use crate::domain::inventory::Line;
use crate::domain::saga::{Effect, FailureReason};
use crate::store::sagas::Progress;
use crate::topology::names;

/// What surrounds the effects of one decision.
pub struct Cause<'a> {
    /// `None` for what a person asked for.
    pub message_id: Option<Uuid>,
    pub reason: Option<&'a FailureReason>,
    pub now: OffsetDateTime,
}

/// # Errors
/// Never for the types used here; the signature is that of the JSON writer.
pub fn message(progress: &Progress, effect: &Effect, cause: &Cause<'_>) -> Result<Outgoing, serde_json::Error> {
    let order = &progress.order;
    let outgoing = match effect {
        Effect::ReserveStock => {
            let items =
                order.items.iter().map(|item| Line { sku: item.sku.clone(), quantity: item.quantity }).collect();
            inventory(&InventoryRequest::Reserve { order_id: order.id, items })?.replying_to(names::ORDER_REPLIES)
        }
        Effect::ReleaseStock => {
            inventory(&InventoryRequest::Release { order_id: order.id })?.replying_to(names::ORDER_REPLIES)
        }
        Effect::ReturnStock => {
            inventory(&InventoryRequest::Return { order_id: order.id })?.replying_to(names::ORDER_REPLIES)
        }
        Effect::CommitStock => inventory(&InventoryRequest::Commit { order_id: order.id })?,
        Effect::TakePayment => {
            let request = PaymentRequest::Take {
                order_id: order.id,
                customer_id: order.customer_id.clone(),
                amount: order.total,
                payment_token: order.payment_token.clone(),
            };
            request.message(request.kind())?
        }
        Effect::CancelPayment => {
            let request = PaymentRequest::Cancel { order_id: order.id };
            request.message(request.kind())?
        }
        Effect::RefundPayment => PaymentRequest::Cancel { order_id: order.id }.message(REFUND)?,
        Effect::Announce(routing_key) => {
            let event = OrderEvent { order: &order.without_payment_token(), occurred_at: cause.now };
            Outgoing::json(order.id.message_id(routing_key), names::EVENTS, routing_key, routing_key, &event)?
        }
        Effect::Notify(kind) => {
            let notification = Notification::of(*kind, order, cause.reason.map(ToString::to_string));
            Outgoing::json(order.id.message_id(kind.as_str()), names::NOTIFICATIONS, "", kind.as_str(), &notification)?
        }
    };
    let outgoing = outgoing.correlated(Some(&progress.correlation_id)).urgent_as(order.priority);
    Ok(match cause.message_id {
        Some(id) => outgoing.header(headers::CAUSATION_ID, id.to_string()),
        None => outgoing,
    })
}

fn inventory(request: &InventoryRequest) -> Result<Outgoing, serde_json::Error> {
    let id = request.order_id().message_id(request.kind());
    Outgoing::json(id, "", names::INVENTORY_REQUESTS, request.kind(), request)
}
