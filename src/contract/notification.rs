//! The notification on the `notifications` fanout: all that a channel needs, so that none asks the database who the customer is.
//! Other clients publish here, too (a warehouse tells of its shipments), and know only type, order, contact and total.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::domain::notification::Kind;
use crate::domain::{Carrier, CustomerId, Email, Item, Money, Order, OrderId, OrderStatus, Phone, TrackingNumber};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notification {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub order_id: OrderId,
    /// Absent in notifications of others; without it there are no devices to push to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    pub email: Email,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "phone_or_nothing")]
    pub phone: Option<Phone>,
    pub total: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
    #[serde(default)]
    pub items: Vec<Item>,
    /// Why, as a sentence for the customer; only where something went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who brings the order, and its number there; only once it is shipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Carrier>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<TrackingNumber>,
}

impl Notification {
    pub fn of(kind: Kind, order: &Order, reason: Option<String>) -> Self {
        Self {
            kind,
            order_id: order.id,
            customer_id: Some(order.customer_id.clone()),
            email: order.email.clone(),
            phone: order.phone.clone(),
            total: order.total,
            status: Some(order.status),
            items: order.items.clone(),
            reason,
            carrier: order.shipment.as_ref().map(|shipment| shipment.carrier.clone()),
            tracking_number: order.shipment.as_ref().map(|shipment| shipment.tracking_number.clone()),
        }
    }
}

/// Many clients write an empty text where there is no number.
fn phone_or_nothing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Phone>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    let given = text.filter(|text| !text.is_empty());
    given.map(Phone::parse).transpose().map_err(serde::de::Error::custom)
}
