//! The messages, each with the schema of its body. A new queue or kind of message gets its place here; the compiler asks for the
//! queues.

use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::{examples, reference};
use crate::contract::event::OrderEvent;
use crate::contract::inventory::{InventoryReply, InventoryRequest, StockLow};
use crate::contract::notification::Notification;
use crate::contract::payment::{PaymentReply, PaymentRequest};
use crate::contract::requests::SubmittedOrder;
use crate::contract::saga::{DEADLINE_PASSED, SagaMessage};
use crate::contract::webhook::{DELIVER, Deliver, WebhookDisabled};
use crate::contract::{BUNDLE, headers};
use crate::domain::notification::Kind;
use crate::domain::webhook::DISABLED;
use crate::topology::WorkQueue;

pub(super) type Schemas = Vec<(String, RefOr<Schema>)>;

/// One kind of message.
#[derive(Clone)]
pub(super) struct Message {
    /// Its AMQP `type`.
    pub name: String,
    pub summary: &'static str,
    payload: Value,
    /// What the payload refers to.
    pub schemas: fn() -> Schemas,
    failed: bool,
}

const STOCK_REQUESTS: [(&str, &str); 4] = [
    ("stock.reserve", "Reserve all lines of an order, or none."),
    ("stock.release", "Give the reserved stock of an order back."),
    ("stock.commit", "The reserved stock of an order is sold."),
    ("stock.return", "The sold stock of an order comes back."),
];
const STOCK_REPLIES: [(&str, &str); 5] = [
    ("stock.reserved", "All lines are reserved."),
    ("stock.rejected", "Nothing is reserved: these products fall short."),
    ("stock.released", "Nothing is reserved for the order any more."),
    ("stock.committed", "The stock has left the shelf."),
    ("stock.returned", "The stock is back on the shelf."),
];
const PAYMENT_REQUESTS: [(&str, &str); 2] = [
    ("payment.take", "Take the money for an order."),
    ("payment.cancel", "Make sure that no money is held for an order."),
];
const PAYMENT_REPLIES: [(&str, &str); 3] = [
    ("payment.taken", "The money is taken."),
    ("payment.declined", "The payment was declined."),
    ("payment.cancelled", "No money is held; what had been taken is given back."),
];
const ORDER_EVENTS: [(&str, &str); 7] = [
    ("order.created", "An order was taken up."),
    ("order.confirmed", "An order is paid, and its stock is sold."),
    ("order.failed", "An order failed; `reason` says why."),
    ("order.shipped", "An order is on its way to the customer."),
    ("order.delivered", "An order has reached the customer."),
    ("order.cancelled", "An order was cancelled."),
    ("order.refunded", "The money of an order that had been confirmed was given back."),
];

/// What the consumer of a queue reads.
pub(super) fn of_queue(queue: WorkQueue) -> Vec<Message> {
    match queue {
        WorkQueue::OrderProcessing | WorkQueue::OrderProcessingHigh => orders(),
        WorkQueue::OrderReplies => bundled(replies()),
        WorkQueue::InventoryRequests => bundled(kinds::<InventoryRequest>(&STOCK_REQUESTS)),
        WorkQueue::PaymentRequests => bundled(kinds::<PaymentRequest>(&PAYMENT_REQUESTS)),
        WorkQueue::EmailNotifications | WorkQueue::SmsNotifications | WorkQueue::PushNotifications => notifications(),
        WorkQueue::Analytics => events(),
        WorkQueue::WebhookDeliveries => {
            vec![whole::<Deliver>(DELIVER, "One event is to be delivered to one endpoint.")]
        }
    }
}

pub(super) fn orders() -> Vec<Message> {
    vec![whole::<SubmittedOrder>("order.submitted", "An order was submitted.")]
}

pub(super) fn events() -> Vec<Message> {
    let orders = ORDER_EVENTS.map(|(name, summary)| whole::<OrderEvent<'_>>(name, summary));
    let low = whole::<StockLow>("stock.low", "A product has fallen to its threshold.");
    let disabled = whole::<WebhookDisabled>(DISABLED, "An endpoint of webhooks was given up.");
    orders.into_iter().chain([low, disabled]).collect()
}

pub(super) fn notifications() -> Vec<Message> {
    Kind::ALL.map(|kind| whole::<Notification>(kind.as_str(), told(kind))).into()
}

fn told(kind: Kind) -> &'static str {
    match kind {
        Kind::OrderConfirmation => "Tell the customer that the order is confirmed.",
        Kind::OrderFailed => "Tell the customer that the order failed, and why.",
        Kind::OrderRefunded => "Tell the customer that money is given back.",
        Kind::OrderShipped => "Tell the customer that the order is on its way.",
        Kind::OrderDelivered => "Tell the customer that the order has arrived.",
        Kind::OrderCancelled => "Tell the customer that the order is cancelled.",
    }
}

fn replies() -> Vec<Message> {
    let mut replies = kinds::<InventoryReply>(&STOCK_REPLIES);
    replies.extend(kinds::<PaymentReply>(&PAYMENT_REPLIES));
    replies.extend(kinds::<SagaMessage>(&[(DEADLINE_PASSED, "A step of the saga was not answered in time.")]));
    replies
}

/// With the form in which the fleet's own services send many of them at once.
fn bundled(mut messages: Vec<Message>) -> Vec<Message> {
    let payload = json!({"type": "array", "minItems": 1, "items": {
        "type": "object",
        "required": ["message_id", "exchange", "routing_key", "kind", "body"],
        "properties": {
            "message_id": {"type": "string", "format": "uuid"},
            "exchange": {"type": "string"},
            "routing_key": {"type": "string"},
            "kind": text("The AMQP property `type` of the message."),
            "correlation_id": {"type": "string"},
            "reply_to": {"type": "string"},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "unroutable": {"type": "string", "enum": ["keep", "drop"]},
            "priority": {"type": "integer"},
            "body": {"type": "object"},
        },
    }});
    let summary =
        "Several of these messages at once, each with what it would have as AMQP properties if it came alone.";
    messages.push(Message { name: BUNDLE.to_owned(), summary, payload, schemas: Vec::new, failed: false });
    messages
}

/// Any message that nobody could process.
pub(super) fn dead_letter() -> Message {
    let summary = "A message that nobody could process, as it was, with the reason in its headers.";
    Message { name: "dead-letter".to_owned(), summary, payload: json!({}), schemas: Vec::new, failed: true }
}

/// A message whose body is always of one type.
fn whole<T: ToSchema>(name: &str, summary: &'static str) -> Message {
    let payload = reference(&["components", "schemas", &T::name()]);
    Message { name: name.to_owned(), summary, payload, schemas: schemas::<T>, failed: false }
}

fn schemas<T: ToSchema>() -> Schemas {
    let mut schemas = parts::<T>();
    schemas.push((T::name().into_owned(), T::schema()));
    schemas
}

/// Only what the type refers to.
fn parts<T: ToSchema>() -> Schemas {
    let mut schemas = Schemas::new();
    T::schemas(&mut schemas);
    schemas
}

/// The variants of an enum that is tagged by `type`: each is a message of its own.
fn kinds<T: ToSchema>(table: &[(&'static str, &'static str)]) -> Vec<Message> {
    let schema = json!(<T as PartialSchema>::schema());
    let forms = schema["oneOf"].as_array().cloned().unwrap_or_default();
    let form = |name: &str| forms.iter().find(|form| form["properties"]["type"]["enum"][0] == name).cloned();
    let messages = table.iter().map(|(name, summary)| Message {
        name: (*name).to_owned(),
        summary,
        // a kind that no variant has is forbidden, so its example does not validate
        payload: form(name).unwrap_or(Value::Bool(false)),
        schemas: parts::<T>,
        failed: false,
    });
    messages.collect()
}

impl Message {
    /// As it stands in the components.
    pub(super) fn json(&self) -> Value {
        let traits = match self.failed {
            true => vec![reference(&["components", "messageTraits", "failed"])],
            false => vec![reference(&["components", "messageTraits", "fleet"])],
        };
        let mut message = json!({
            "name": self.name,
            "title": self.name,
            "summary": self.summary,
            "contentType": "application/json",
            "payload": self.payload,
            "bindings": {"amqp": {"contentEncoding": "utf-8", "messageType": self.name, "bindingVersion": "0.3.0"}},
            "traits": traits,
        });
        let examples: Vec<Value> = examples::of(&self.name)
            .into_iter()
            .map(|(name, payload)| json!({"name": name, "payload": payload}))
            .collect();
        if !examples.is_empty() {
            message["examples"] = Value::Array(examples);
        }
        message
    }
}

/// Headers that any message of ours may have.
pub(super) fn trait_of_all() -> Value {
    json!({
        "headers": {"type": "object", "properties": {
            (headers::CAUSATION_ID): text("`message_id` of the message that caused this one."),
            (headers::ATTEMPT): text("Which attempt this is, counted by the fleet; absent means 1."),
            (headers::REPLAYS): text("How often an operator has replayed it; absent means 0."),
        }},
        "correlationId": {
            "location": "$message.header#/correlation_id",
            "description": "The AMQP property: the same in everything that one order causes.",
        },
    })
}

/// Headers of what nobody could process.
pub(super) fn trait_of_failed() -> Value {
    json!({
        "headers": {"type": "object", "properties": {
            (headers::REASON): text("Why: one of the codes of docs/messages.md."),
            (headers::ERROR): text("The last failure in words."),
            (headers::ORIGIN_QUEUE): text("The queue whose consumer failed."),
            (headers::ORIGIN_EXCHANGE): text("The exchange to which the message first came."),
            (headers::ORIGIN_ROUTING_KEY): text("The routing key with which the message first came."),
            (headers::FIRST_FAILED_AT): text("When the first attempt failed: RFC 3339."),
            (headers::FAILED_AT): text("When the last attempt failed: RFC 3339."),
        }},
    })
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}
