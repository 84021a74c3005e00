//! Clients in other languages know only the names and shapes of the contract: plain JSON, no ids, no headers of ours.

use lapin::BasicProperties;
use serde_json::{Value, json};

use crate::support::{Options, STRANGER, Stage};

/// As another language's client writes it: floats, no offset, no properties.
const PLAIN: &str = r#"{"id": "5f0c1c52-6a54-4b5e-9d0a-0c3c4c8e7a11", "customer_id": "cust-001", "email": "ada@shop.example",
    "phone": "+1-555-0100", "items": [{"sku": "WIDGET-01", "quantity": 2, "price": 19.99}, {"sku": "GADGET-02", "quantity": 1,
    "price": 19.990}], "total": 59.97, "status": "pending", "created_at": "2026-01-31T12:34:56.789012"}"#;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_plain_order_is_confirmed_and_its_events_and_notification_have_the_shapes_of_the_contract() {
    let stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 10).await;
    stage.stock("GADGET-02", 10).await;
    let notifications = stage.client.own_queue("notifications", "").await;
    let events = stage.client.own_queue("events", "order.*").await;
    stage.client.publish("orders", "process", BasicProperties::default(), PLAIN.as_bytes()).await;
    let order = stage.reaches(STRANGER, "confirmed").await;
    assert_eq!((&order["total"], &order["created_at"]), (&json!(59.97), &json!("2026-01-31T12:34:56.789012Z")));

    for (routing_key, status) in [("order.created", "processing"), ("order.confirmed", "confirmed")] {
        let found = stage.client.next(&events).await;
        assert_eq!((found.exchange.as_str(), found.routing_key.as_str()), ("events", routing_key));
        let event = found.json();
        for key in ["id", "customer_id", "email", "phone", "items", "total", "status", "created_at"] {
            assert!(keys(&event).contains(&key), "{key} is missing in {event}");
        }
        assert_eq!(
            (&event["id"], &event["status"], &event["phone"]),
            (&json!(STRANGER), &json!(status), &json!("+15550100"))
        );
        assert_eq!(event["items"][0], json!({"sku": "WIDGET-01", "quantity": 2, "price": 19.99}));
        assert_eq!(event["total"], json!(59.97), "a number, not a text");
    }

    let found = stage.client.next(&notifications).await;
    assert_eq!(found.exchange, "notifications");
    let notification = found.json();
    for (key, value) in [
        ("type", json!("order_confirmation")),
        ("order_id", json!(STRANGER)),
        ("email", json!("ada@shop.example")),
        ("phone", json!("+15550100")),
        ("total", json!(59.97)),
    ] {
        assert_eq!(notification[key], value, "{key} in {notification}");
    }
    stage.finish().await;
}

#[tokio::test]
async fn an_order_without_anything_optional_is_taken() {
    let stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 10).await;
    let order = json!({
        "id": STRANGER, "customer_id": "c", "email": "a@b.example", "phone": "", "items": [{"sku": "WIDGET-01", "quantity": 1}]
    });
    stage.client.publish_json("orders", "process", BasicProperties::default(), &order).await;
    stage.reaches(STRANGER, "confirmed").await;
    stage.finish().await;
}

#[tokio::test]
async fn a_notification_of_another_client_in_the_shape_of_the_contract_reaches_the_customer() {
    let stage = Stage::of_the_whole_fleet(Options::default()).await;
    let shipped = json!({
        "type": "order_shipped", "order_id": STRANGER, "email": "ada@shop.example", "phone": "+15550100", "total": 59.97
    });
    stage.client.publish_json("notifications", "", BasicProperties::default(), &shipped).await;
    stage
        .finish_after("the SMS is out", async |stage| {
            let texts = stage.sent("sms");
            texts.first().map(|text| assert!(text.contains("+15550100") && text.contains(STRANGER), "{text}"))
        })
        .await;
}
