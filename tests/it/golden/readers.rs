//! How each kind of message is read and written: by the contract's types, and by the service that consumes it.

use lapin::BasicProperties;
use order_fleet::contract::Outgoing;
use order_fleet::contract::event::{OrderEvent, ReceivedOrderEvent};
use order_fleet::contract::inventory::{InventoryReply, InventoryRequest, StockLow};
use order_fleet::contract::notification::Notification;
use order_fleet::contract::payment::{PaymentReply, PaymentRequest};
use order_fleet::contract::saga::SagaMessage;
use order_fleet::contract::webhook::{Deliver, WebhookDisabled};
use order_fleet::domain::Order;
use order_fleet::domain::saga::FailureReason;
use order_fleet::messaging::{Failure, Handler, Incoming};
use order_fleet::ports::gateway::{Behaviour, SimulatedGateway};
use order_fleet::services::analytics_service::AnalyticsService;
use order_fleet::services::inventory_service::InventoryService;
use order_fleet::services::order_processor::{Replies, SagaArgs, Submissions};
use order_fleet::services::payment_service::PaymentService;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Everything that travels or is stored: bodies on the wire, `outgoing` in outbox and inbox, `step_reason` in sagas.
pub const KINDS: [&str; 24] = [
    "order.submitted",
    "order.event",
    "stock.reserve",
    "stock.release",
    "stock.commit",
    "stock.return",
    "stock.reserved",
    "stock.rejected",
    "stock.released",
    "stock.committed",
    "stock.returned",
    "stock.low",
    "payment.take",
    "payment.cancel",
    "payment.taken",
    "payment.declined",
    "payment.cancelled",
    "saga.deadline_passed",
    "webhook.deliver",
    "webhook.disabled",
    "notification",
    "outgoing",
    "fleet.bundle",
    "step_reason",
];

/// Reads a message and writes it again.
pub fn rewrite(kind: &str, text: &str) -> Result<String, serde_json::Error> {
    match kind {
        "order.submitted" => again::<Order>(text),
        "order.event" => {
            let read: ReceivedOrderEvent = serde_json::from_str(text)?;
            let occurred_at = read.occurred_at.unwrap_or(read.order.created_at);
            serde_json::to_string(&OrderEvent { order: &read.order, occurred_at })
        }
        "stock.reserve" | "stock.release" | "stock.commit" | "stock.return" => again::<InventoryRequest>(text),
        "stock.reserved" | "stock.rejected" | "stock.released" | "stock.committed" | "stock.returned" => {
            again::<InventoryReply>(text)
        }
        "stock.low" => again::<StockLow>(text),
        "payment.take" | "payment.cancel" => again::<PaymentRequest>(text),
        "payment.taken" | "payment.declined" | "payment.cancelled" => again::<PaymentReply>(text),
        "saga.deadline_passed" => again::<SagaMessage>(text),
        "webhook.deliver" => again::<Deliver>(text),
        "webhook.disabled" => again::<WebhookDisabled>(text),
        "notification" => again::<Notification>(text),
        "outgoing" => again::<Outgoing>(text),
        "fleet.bundle" => again::<Vec<Outgoing>>(text),
        "step_reason" => again::<FailureReason>(text),
        unknown => panic!("nobody reads {unknown}"),
    }
}

fn again<T: Serialize + DeserializeOwned>(text: &str) -> Result<String, serde_json::Error> {
    serde_json::to_string(&serde_json::from_str::<T>(text)?)
}

/// Lets the consumers read it as they do a delivery.
pub fn consume(kind: &str, message: &Value) -> Result<(), Failure> {
    let saga = || SagaArgs { stock_deadline_seconds: 1, payment_deadline_seconds: 1 };
    let routing_key = match kind {
        "order.event" => format!("order.{}", message["status"].as_str().expect("a status")),
        other => other.to_owned(),
    };
    let incoming = Incoming::read("", &routing_key, BasicProperties::default(), message.to_string().into_bytes());
    match kind {
        "order.submitted" => Submissions::<false> { args: saga() }.decode(&incoming).map(drop),
        "order.event" | "stock.low" | "webhook.disabled" => AnalyticsService::default().decode(&incoming).map(drop),
        "stock.reserve" | "stock.release" | "stock.commit" | "stock.return" => {
            InventoryService.decode(&incoming).map(drop)
        }
        "payment.take" | "payment.cancel" => {
            // a pool belongs to a runtime, even one that is never asked
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let _entered = runtime.enter();
            let db = sqlx::PgPool::connect_lazy("postgres://127.0.0.1:1/none").expect("an address");
            PaymentService { gateway: SimulatedGateway::new(Behaviour::default()), db }.decode(&incoming).map(drop)
        }
        "stock.reserved"
        | "stock.rejected"
        | "stock.released"
        | "stock.committed"
        | "stock.returned"
        | "payment.taken"
        | "payment.declined"
        | "payment.cancelled"
        | "saga.deadline_passed" => Replies { args: saga() }.decode(&incoming).map(drop),
        // the notifiers and the webhook-service read the contract's type; the others are read by the store and before any handler
        "notification" | "webhook.deliver" | "outgoing" | "fleet.bundle" | "step_reason" => Ok(()),
        unknown => panic!("nobody consumes {unknown}"),
    }
}
