//! What the text messages say. Called by the sms-service.

use crate::contract::notification::Notification;
use crate::domain::notification::Kind;

/// The text for one notification: ASCII and at most 160 characters, which is one message of GSM 03.38 and not two.
pub fn text(notification: &Notification) -> String {
    let (order, total) = (notification.order_id, notification.total);
    match notification.kind {
        Kind::OrderShipped => format!("Your order {order} is on its way."),
        Kind::OrderDelivered => format!("Your order {order} was delivered. Thank you!"),
        Kind::OrderConfirmation => format!("Your order {order} is confirmed. Total: {total}."),
        Kind::OrderFailed => format!("Sorry, your order {order} could not be completed. No money is kept."),
        Kind::OrderRefunded => format!("Your order {order} is refunded: {total}."),
        Kind::OrderCancelled => format!("Your order {order} is cancelled. No money is kept."),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::{CustomerId, Email, Money, OrderId, OrderStatus};

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
            });
            assert!(text.is_ascii() && text.len() <= 160, "{text}");
            assert!(text.contains(&Uuid::max().to_string()), "{text}");
        }
    }
}
