//! Inventory and payment answer any AMQP client that asks: to a queue, or directly to a requester without one.

use lapin::BasicProperties;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::amqp::{Client, DIRECT_REPLY_TO};
use crate::support::{Options, Role, Stage, eventually};

fn asking(reply_to: &str, correlation_id: &str) -> BasicProperties {
    BasicProperties::default().with_reply_to(reply_to.into()).with_correlation_id(correlation_id.into())
}

fn reserve(order_id: Uuid, quantity: u32) -> Value {
    json!({"type": "stock.reserve", "order_id": order_id, "items": [{"sku": "WIDGET-01", "quantity": quantity}]})
}

fn take(order_id: Uuid, token: &str) -> Value {
    json!({"type": "payment.take", "order_id": order_id, "customer_id": "c-1", "amount": 9.99, "payment_token": token})
}

async fn desks() -> Stage {
    let mut stage = Stage::set(Options::default()).await;
    stage.start(&[Role::Inventory, Role::Payment]).await;
    stage.stock("WIDGET-01", 10).await;
    stage
}

#[tokio::test]
async fn requests_are_answered_on_direct_reply_to_with_their_correlation_ids() {
    let stage = desks().await;
    let mut replies = stage.client.direct_replies().await;
    let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
    for (queue, request, answer) in [
        ("inventory_requests", reserve(one, 4), json!({"type": "stock.reserved", "order_id": one})),
        (
            "inventory_requests",
            reserve(other, 7),
            json!({"type": "stock.rejected", "order_id": other, "shortages": ["WIDGET-01"]}),
        ),
        (
            "inventory_requests",
            json!({"type": "stock.commit", "order_id": one}),
            json!({"type": "stock.committed", "order_id": one}),
        ),
        (
            "inventory_requests",
            json!({"type": "stock.release", "order_id": other}),
            json!({"type": "stock.released", "order_id": other}),
        ),
        (
            "payment_requests",
            take(other, "tok_declined"),
            json!({"type": "payment.declined", "order_id": other, "code": "insufficient_funds"}),
        ),
        (
            "payment_requests",
            json!({"type": "payment.cancel", "order_id": other}),
            json!({"type": "payment.cancelled", "order_id": other, "refunded": false}),
        ),
    ] {
        let correlation_id = Uuid::new_v4().to_string();
        stage.client.publish_json("", queue, asking(DIRECT_REPLY_TO, &correlation_id), &request).await;
        let reply = replies.next().await;
        assert_eq!((reply.correlation_id(), reply.json()), (Some(correlation_id), answer), "{request}");
    }
    assert_eq!(stage.shelf("WIDGET-01").await, (6, 0));
    stage.finish().await;
}

#[tokio::test]
async fn a_request_that_needs_retries_is_still_answered_directly() {
    let stage = desks().await;
    let mut replies = stage.client.direct_replies().await;
    stage
        .client
        .publish_json("", "payment_requests", asking(DIRECT_REPLY_TO, "7"), &take(Uuid::new_v4(), "tok_error_once"))
        .await;
    let reply = replies.next().await;
    assert_eq!((reply.correlation_id().as_deref(), reply.json()["type"].as_str()), (Some("7"), Some("payment.taken")));
    stage.finish().await;
}

#[tokio::test]
async fn a_question_repeated_without_a_message_id_is_answered_to_whoever_asks() {
    let stage = desks().await;
    let order = Uuid::new_v4();
    let (first, second) = (stage.client.own_queue("", "").await, stage.client.own_queue("", "").await);
    for (queue, correlation_id) in [(&first, "1"), (&first, "2"), (&second, "1")] {
        stage.client.publish_json("", "inventory_requests", asking(queue, correlation_id), &reserve(order, 4)).await;
        let reply = stage.client.next(queue).await;
        assert_eq!(
            (reply.correlation_id().as_deref(), &reply.json()["type"]),
            (Some(correlation_id), &json!("stock.reserved"))
        );
        stage
            .client
            .publish_json("", "payment_requests", asking(queue, correlation_id), &take(order, "tok_visa"))
            .await;
        let reply = stage.client.next(queue).await;
        assert_eq!(
            (reply.correlation_id().as_deref(), &reply.json()["type"]),
            (Some(correlation_id), &json!("payment.taken"))
        );
    }
    assert_eq!(stage.shelf("WIDGET-01").await, (10, 4));
    assert_eq!(stage.gateway.totals().charges, 1);
    stage.finish().await;
}

#[tokio::test]
async fn a_requester_that_is_gone_blocks_nobody() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 10).await;
    let gone = Client::connect(&stage.host.url).await;
    let _replies = gone.direct_replies().await;
    let queue = gone.own_queue("", "").await;
    for reply_to in [DIRECT_REPLY_TO, queue.as_str(), "amq.rabbitmq.reply-to.nobody", "no-such-queue"] {
        gone.publish_json("", "inventory_requests", asking(reply_to, "x"), &reserve(Uuid::new_v4(), 1)).await;
        gone.publish_json("", "payment_requests", asking(reply_to, "x"), &take(Uuid::new_v4(), "tok_visa")).await;
    }
    gone.close().await;
    stage.start(&[Role::Inventory, Role::Payment]).await;
    let mut replies = stage.client.direct_replies().await;
    for (queue, request) in
        [("inventory_requests", reserve(Uuid::new_v4(), 1)), ("payment_requests", take(Uuid::new_v4(), "tok_visa"))]
    {
        stage.client.publish_json("", queue, asking(DIRECT_REPLY_TO, "1"), &request).await;
        assert_eq!(replies.next().await.correlation_id().as_deref(), Some("1"));
    }
    eventually("everybody was served", async || (stage.shelf("WIDGET-01").await == (10, 5)).then_some(())).await;
    stage.finish().await;
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_dead_lettered_with_its_reason() {
    let stage = desks().await;
    let order = Uuid::new_v4();
    for (queue, request, reason) in [
        ("inventory_requests", json!({"type": "stock.borrow", "order_id": order}), "bad_message"),
        (
            "inventory_requests",
            json!({"type": "stock.reserve", "order_id": order, "items": [{"sku": "WIDGET-01", "quantity": -1}]}),
            "bad_message",
        ),
        ("inventory_requests", json!({"type": "stock.commit", "order_id": order}), "refused"),
        ("payment_requests", json!({"type": "payment.take", "order_id": order}), "bad_message"),
        (
            "payment_requests",
            json!({"type": "payment.take", "order_id": order, "customer_id": "c", "amount": -5}),
            "bad_message",
        ),
    ] {
        stage.client.publish_json("", queue, asking("no-such-queue", "1"), &request).await;
        let dead = stage.dead_letter().await;
        assert_eq!((dead.header("fleet-reason").as_deref(), dead.json()), (Some(reason), request));
        assert_eq!(dead.header("fleet-origin-queue").as_deref(), Some(queue));
    }
    assert_eq!(stage.shelf("WIDGET-01").await, (10, 0));
    stage.finish().await;
}
