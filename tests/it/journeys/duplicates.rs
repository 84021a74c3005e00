//! Whatever is delivered again has its effects once, and what it caused goes out again under the same ids.

use std::collections::BTreeSet;

use order_fleet::contract::Outgoing;
use order_fleet::domain::OrderId;
use order_fleet::store::inbox;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::amqp::identified;
use crate::support::{Options, Role, STRANGER, Stage, eventually};

fn order(id: &str) -> Value {
    json!({
        "id": id, "customer_id": "c-1", "email": "ada@shop.example", "phone": "+4930123456",
        "items": [{"sku": "WIDGET-01", "quantity": 1, "price": 19.99}], "total": 19.99, "status": "pending",
        "created_at": "2026-01-31T12:00:00Z"
    })
}

async fn everything_happened_once(stage: &Stage, id: &str) {
    stage.reaches(id, "confirmed").await;
    eventually("the stock is sold", async || (stage.shelf("WIDGET-01").await == (9, 0)).then_some(())).await;
    let told = "select count(*) from notification_deliveries";
    eventually("the customer is told", async || (stage.database.number(told).await >= 2).then_some(())).await;
}

/// Called after [`Stage::settle`]: nothing more will come.
async fn nothing_happened_twice(stage: &Stage, id: &str) {
    assert_eq!(stage.shelf("WIDGET-01").await, (9, 0));
    assert_eq!(stage.ledger(id).await, [("reserve".to_owned(), 1), ("commit".to_owned(), 1)]);
    assert_eq!((stage.gateway.totals().charges, stage.database.number("select count(*) from payments").await), (1, 1));
    assert_eq!(stage.database.number("select count(*) from notification_deliveries").await, 2);
    assert_eq!((stage.sent("mail").len(), stage.sent("push").len()), (1, 1));
    let events = stage.events().await;
    let keys: BTreeSet<&str> = events.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, BTreeSet::from(["order.created", "order.confirmed"]));
}

#[tokio::test]
async fn a_message_delivered_three_times_has_its_effects_once() {
    let mut stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 10).await;
    let properties = identified(&Uuid::new_v4().to_string());
    for _ in 0..3 {
        stage.client.publish_json("orders", "process", properties.clone(), &order(STRANGER)).await;
    }
    everything_happened_once(&stage, STRANGER).await;
    stage.client.publish_json("orders", "process", properties, &order(STRANGER)).await;
    stage.settle().await;
    nothing_happened_twice(&stage, STRANGER).await;
    stage.finish().await;
}

#[tokio::test]
async fn an_order_under_several_message_ids_is_one_order() {
    let mut stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 10).await;
    for _ in 0..3 {
        stage.publish_order(order(STRANGER).to_string().as_bytes()).await;
    }
    everything_happened_once(&stage, STRANGER).await;
    stage.publish_order(order(STRANGER).to_string().as_bytes()).await;
    stage.settle().await;
    nothing_happened_twice(&stage, STRANGER).await;
    stage.finish().await;
}

#[tokio::test]
async fn every_message_of_a_saga_repeated_changes_nothing() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 10).await;
    stage.publish_order(order(STRANGER).to_string().as_bytes()).await;
    // one role at a time, so that each message can be seen on its way and doubled
    for (role, queues) in [
        (Role::Processor, ["inventory_requests"].as_slice()),
        (Role::Inventory, &["payment_requests"]),
        (Role::Payment, &["email_notifications", "push_notifications"]),
    ] {
        stage.start(&[role]).await;
        for queue in queues {
            let message = stage.client.next(queue).await;
            for _ in 0..2 {
                stage.client.publish("", queue, message.properties.clone(), &message.body).await;
            }
        }
    }
    stage.start(&[Role::Email, Role::Push, Role::Sms]).await;
    everything_happened_once(&stage, STRANGER).await;
    stage.settle().await;
    nothing_happened_twice(&stage, STRANGER).await;
    stage.finish().await;
}

#[tokio::test]
async fn the_same_reply_twice_moves_the_order_once() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 10).await;
    stage.publish_order(order(STRANGER).to_string().as_bytes()).await;
    stage.start(&[Role::Processor]).await;
    let request = stage.client.next("inventory_requests").await;
    let reply = json!({"type": "stock.reserved", "order_id": STRANGER});
    let id = Uuid::new_v4().to_string();
    for id in [&id, &id, &Uuid::new_v4().to_string()] {
        stage.client.publish_json("", "order_replies", identified(id), &reply).await;
    }
    stage.client.publish("", "inventory_requests", request.properties, &request.body).await;
    stage.start(&[Role::Inventory, Role::Payment, Role::Email, Role::Sms, Role::Push]).await;
    everything_happened_once(&stage, STRANGER).await;
    stage.settle().await;
    nothing_happened_twice(&stage, STRANGER).await;
    stage.finish().await;
}

#[tokio::test]
async fn a_message_redelivered_after_the_commit_publishes_what_it_caused_under_the_same_ids() {
    let mut stage = Stage::set(Options::default()).await;
    let (message_id, order_id) = (Uuid::new_v4(), OrderId(Uuid::parse_str(STRANGER).expect("an id")));
    // what a process leaves behind that died between its commit and its publish
    let caused = [
        Outgoing::json(order_id.message_id("one"), "", "payment_requests", "test", &json!({"n": 1})).expect("encodes"),
        Outgoing::json(order_id.message_id("two"), "events", "order.created", "test", &json!({"n": 2}))
            .expect("encodes"),
    ];
    let mut connection = stage.database.pool.acquire().await.expect("a connection");
    inbox::record(&mut connection, "order-processor", &[(message_id, &caused)]).await.expect("recorded");
    drop(connection);
    let properties = identified(&message_id.to_string());
    stage.client.publish_json("orders", "process", properties.clone(), &order(STRANGER)).await;
    stage.start(&[Role::Processor]).await;
    let request = stage.client.next("payment_requests").await;
    assert_eq!(request.message_id(), Some(caused[0].message_id.to_string()));
    assert_eq!(request.json(), json!({"n": 1}));
    assert_eq!(stage.client.next("analytics").await.message_id(), Some(caused[1].message_id.to_string()));
    assert_eq!(stage.database.number("select count(*) from orders").await, 0, "the effects are not repeated");
    stage.finish().await;
}

#[tokio::test]
async fn orders_of_a_client_that_numbers_its_messages_from_one_are_all_taken() {
    let stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 10).await;
    for id in ["1", "1", "", ""] {
        let order = order(&Uuid::new_v4().to_string());
        stage.client.publish_json("orders", "process", identified(id), &order).await;
    }
    stage.reach(4, "confirmed").await;
    stage.finish().await;
}
