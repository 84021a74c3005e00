//! What the push messages say and whom they reach. Called by the push-service.

use std::collections::BTreeMap;
use std::fmt::Write;

use uuid::Uuid;

use super::Push;
use crate::contract::notification::Notification;
use crate::domain::CustomerId;
use crate::domain::notification::Kind;

impl Push {
    /// The push message for one notification; push carries every kind. `None` when nobody knows whose devices to push to.
    pub fn about(message_id: Uuid, notification: &Notification) -> Option<Self> {
        let topic = topic(notification.customer_id.as_ref()?);
        let (order, total) = (notification.order_id, notification.total);
        let because = notification.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let (title, body) = match notification.kind {
            Kind::OrderConfirmation => ("Order confirmed", format!("We are getting it ready. Total: {total}")),
            Kind::OrderFailed => ("Order not completed", format!("No money is kept{because}")),
            Kind::OrderRefunded => ("Order refunded", format!("{total} is on its way back")),
            Kind::OrderShipped => {
                let carrier =
                    notification.carrier.as_ref().map(|carrier| format!(" with {carrier}")).unwrap_or_default();
                ("Order shipped", format!("It is on its way to you{carrier}"))
            }
            Kind::OrderDelivered => ("Order delivered", "Thank you!".to_owned()),
            Kind::OrderCancelled => ("Order cancelled", format!("No money is kept{because}")),
        };
        let mut data = BTreeMap::from([
            ("message_id", message_id.to_string()),
            ("order_id", order.to_string()),
            ("type", notification.kind.as_str().to_owned()),
            ("total", total.to_string()),
        ]);
        data.extend(notification.status.map(|status| ("status", status.as_str().to_owned())));
        data.extend(notification.tracking_number.as_ref().map(|number| ("tracking_number", number.to_string())));
        Some(Self { message_id, topic, title: title.to_owned(), body, data })
    }
}

/// The topic of one customer's devices, `customer-` and the id. FCM takes letters, digits and `-_.~%`
/// (<https://firebase.google.com/docs/cloud-messaging/manage-topics>): any other byte is percent-encoded, so two customers never
/// share a topic.
fn topic(customer: &CustomerId) -> String {
    let mut topic = "customer-".to_owned();
    for byte in customer.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            topic.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(topic, "%{byte:02X}");
        }
    }
    topic
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_odd_customer_id_becomes_a_topic_of_its_own() {
        let topic = |id| topic(&CustomerId::parse(id).expect(id));
        assert_eq!(topic("c-42"), "customer-c-42");
        assert_eq!(topic("ada@shop/é"), "customer-ada%40shop%2F%C3%A9");
        assert_ne!(topic("a/b"), topic("a%2Fb"));
    }

    proptest! {
        #[test]
        fn every_topic_is_in_the_charset_and_length_that_fcm_takes(id in "[^\\s\\p{C}]{1,64}") {
            let topic = topic(&CustomerId::parse(id).expect("valid"));
            prop_assert!(topic.len() <= 900);
            prop_assert!(topic.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~%".contains(&b)));
        }
    }
}
