//! What the text messages say. Called by the sms-service.

use crate::contract::notification::Notification;
use crate::domain::notification::Kind;

/// The text for one notification: ASCII and at most 160 characters, which is one message of GSM 03.38 and not two.
pub fn text(notification: &Notification) -> String {
    let (order, total) = (notification.order_id, notification.total);
    match notification.kind {
        Kind::OrderShipped => shipped(notification),
        Kind::OrderDelivered => format!("Your order {order} was delivered. Thank you!"),
        Kind::OrderConfirmation => format!("Your order {order} is confirmed. Total: {total}."),
        Kind::OrderFailed => format!("Sorry, your order {order} could not be completed. No money is kept."),
        Kind::OrderRefunded => format!("Your order {order} is refunded: {total}."),
        Kind::OrderCancelled => format!("Your order {order} is cancelled. No money is kept."),
    }
}

/// With carrier and tracking number as far as they fit into one message of plain characters.
fn shipped(notification: &Notification) -> String {
    let order = notification.order_id;
    let number = notification.tracking_number.as_ref().map(|number| format!(", parcel {number}")).unwrap_or_default();
    let carrier = notification.carrier.as_ref().map(|carrier| format!(" with {carrier}")).unwrap_or_default();
    let full = format!("Your order {order} is on its way{carrier}{number}.");
    match full.is_ascii() && full.len() <= LONGEST {
        true => full,
        false => format!("Your order {order} is on its way{number}."),
    }
}

/// Characters of one message.
const LONGEST: usize = 160;

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::{Carrier, CustomerId, Email, Money, OrderId, OrderStatus, TrackingNumber};

    #[test]
    fn every_text_fits_into_one_message_even_with_the_largest_amount() {
        for kind in Kind::ALL {
            let text = text(&Notification {
                kind,
                order_id: OrderId(Uuid::max()),
                customer_id: CustomerId::parse("c-1").ok(),
                email: Email::parse("ada@shop.example").expect("valid"),
                phone: None,
                total: Money::MAX,
                status: Some(OrderStatus::Shipped),
                items: Vec::new(),
                reason: Some("x".repeat(500)),
                carrier: Carrier::parse("Österreichische Post").ok(),
                tracking_number: TrackingNumber::parse("9".repeat(TrackingNumber::MAX)).ok(),
            });
            assert!(text.is_ascii() && text.len() <= 160, "{text}");
            assert!(text.contains(&Uuid::max().to_string()), "{text}");
        }
    }

    #[test]
    fn who_waits_for_a_parcel_learns_its_carrier_and_number() {
        let order = "00000000-0000-0000-0000-0000000000a0";
        let notification: Notification = serde_json::from_value(serde_json::json!({
            "type": "order_shipped", "order_id": order, "email": "ada@shop.example", "total": 1,
            "carrier": "DHL", "tracking_number": "JD014"
        }))
        .expect("a notification");
        assert_eq!(text(&notification), format!("Your order {order} is on its way with DHL, parcel JD014."));
        let unknown = Notification { carrier: None, tracking_number: None, ..notification };
        assert_eq!(text(&unknown), format!("Your order {order} is on its way."));
    }
}
