//! The notification on the `notifications` fanout: all that a channel needs, so that none asks the database who the customer is.

use serde::{Deserialize, Serialize};

use crate::domain::notification::Kind;
use crate::domain::{CustomerId, Email, Item, Money, Order, OrderId, OrderStatus, Phone};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub email: Email,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    pub total: Money,
    pub status: OrderStatus,
    #[serde(default)]
    pub items: Vec<Item>,
    /// Why, as a sentence for the customer; only where something went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Notification {
    pub fn of(kind: Kind, order: &Order, reason: Option<String>) -> Self {
        Self {
            kind,
            order_id: order.id,
            customer_id: order.customer_id.clone(),
            email: order.email.clone(),
            phone: order.phone.clone(),
            total: order.total,
            status: order.status,
            items: order.items.clone(),
            reason,
        }
    }
}
