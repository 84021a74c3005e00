//! Who of the fleet sends and receives what.

use serde_json::{Map, Value, json};

use super::channels::{Channel, exchange_key};
use super::{names, reference};
use crate::topology::WorkQueue;

/// What a role sends: to an exchange or, by its name, into a queue; the messages by the beginning of their names.
struct Sending {
    role: &'static str,
    exchange: &'static str,
    queue: &'static str,
    messages: &'static [&'static str],
}

const SENT: [Sending; 15] = [
    Sending { role: "order-api", exchange: names::ORDERS, queue: "", messages: &["order.submitted"] },
    // a refund that an operator asks for; what the payment gateway told later
    Sending { role: "order-api", exchange: "", queue: names::PAYMENT_REQUESTS, messages: &["payment.cancel"] },
    Sending {
        role: "order-api",
        exchange: "",
        queue: names::ORDER_REPLIES,
        messages: &["payment.taken", "payment.declined"],
    },
    Sending { role: "order-processor", exchange: "", queue: names::INVENTORY_REQUESTS, messages: &["stock."] },
    Sending { role: "order-processor", exchange: "", queue: names::PAYMENT_REQUESTS, messages: &["payment."] },
    Sending { role: "order-processor", exchange: names::EVENTS, queue: "", messages: &["order."] },
    Sending { role: "order-processor", exchange: names::NOTIFICATIONS, queue: "", messages: &["order_"] },
    Sending { role: "inventory-service", exchange: "", queue: names::ORDER_REPLIES, messages: &["stock."] },
    Sending { role: "inventory-service", exchange: names::EVENTS, queue: "", messages: &["stock.low"] },
    Sending { role: "payment-service", exchange: "", queue: names::ORDER_REPLIES, messages: &["payment."] },
    Sending { role: "payment-service", exchange: "", queue: names::PAYMENT_REQUESTS, messages: &["payment.cancel"] },
    Sending { role: "analytics-service", exchange: "", queue: names::WEBHOOK_DELIVERIES, messages: &["webhook."] },
    Sending { role: "order-api", exchange: "", queue: names::WEBHOOK_DELIVERIES, messages: &["webhook."] },
    Sending { role: "webhook-service", exchange: names::EVENTS, queue: "", messages: &["webhook."] },
    Sending { role: "scheduler", exchange: "", queue: names::ORDER_REPLIES, messages: &["saga."] },
];

pub(super) fn of(channels: &[Channel]) -> Map<String, Value> {
    let find = |key: &str| channels.iter().find(|channel| channel.name == key);
    let mut operations = Map::new();
    for queue in WorkQueue::ALL {
        if let Some(channel) = find(queue.name()) {
            let mut operation =
                operation("receive", channel, &format!("{} takes what is to be done.", consumer(queue)), |_| true);
            if let Some((beginning, replies)) = answers(queue).zip(find(names::ORDER_REPLIES)) {
                operation["reply"] = json!({
                    "address": {
                        "location": "$message.header#/reply_to",
                        "description": "The AMQP property of the request; the fleet's own requests name order_replies.",
                    },
                    "channel": reference(&["channels", names::ORDER_REPLIES]),
                    "messages": replies.references(|name| name.starts_with(beginning)),
                });
            }
            operations.insert(format!("{}.receives.{}", consumer(queue), queue.name()), operation);
        }
    }
    for sending in SENT {
        let key = match sending.exchange {
            "" => sending.queue.to_owned(),
            exchange => exchange_key(exchange),
        };
        if let Some(channel) = find(&key) {
            let wanted = |name: &str| sending.messages.iter().any(|beginning| name.starts_with(beginning));
            let operation = operation("send", channel, &format!("{} publishes these.", sending.role), wanted);
            operations.insert(format!("{}.sends.{key}", sending.role), operation);
        }
    }
    if let Some(channel) = find(names::DEAD_LETTERS) {
        let description = "dead-letter-handler stores what nobody could process.";
        operations.insert(
            "dead-letter-handler.receives.dead_letters".to_owned(),
            operation("receive", channel, description, |_| true),
        );
    }
    if let Some(channel) = find(&exchange_key(names::DLX)) {
        let description = "Every consumer gives up what it cannot process.";
        operations.insert("consumers.send.exchange.dlx".to_owned(), operation("send", channel, description, |_| true));
    }
    operations
}

fn operation(action: &str, channel: &Channel, description: &str, wanted: impl Fn(&str) -> bool) -> Value {
    json!({
        "action": action,
        "channel": reference(&["channels", &channel.name]),
        "summary": format!("{action} {}", channel.name),
        "description": description,
        "messages": channel.references(wanted),
    })
}

fn consumer(queue: WorkQueue) -> &'static str {
    match queue {
        WorkQueue::OrderProcessing | WorkQueue::OrderProcessingHigh | WorkQueue::OrderReplies => "order-processor",
        WorkQueue::InventoryRequests => "inventory-service",
        WorkQueue::PaymentRequests => "payment-service",
        WorkQueue::EmailNotifications => "email-service",
        WorkQueue::SmsNotifications => "sms-service",
        WorkQueue::PushNotifications => "push-service",
        WorkQueue::Analytics => "analytics-service",
        WorkQueue::WebhookDeliveries => "webhook-service",
    }
}

/// The beginning of the names of its answers, where the queue is one of requests.
fn answers(queue: WorkQueue) -> Option<&'static str> {
    match queue {
        WorkQueue::InventoryRequests => Some("stock."),
        WorkQueue::PaymentRequests => Some("payment."),
        WorkQueue::OrderProcessing
        | WorkQueue::OrderProcessingHigh
        | WorkQueue::OrderReplies
        | WorkQueue::EmailNotifications
        | WorkQueue::SmsNotifications
        | WorkQueue::PushNotifications
        | WorkQueue::Analytics
        | WorkQueue::WebhookDeliveries => None,
    }
}
