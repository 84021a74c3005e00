//! The history: every change with who, when, why and the message or request that caused it.

use serde_json::{Value, json};
use uuid::Uuid;

use super::whole_fleet;
use crate::support::amqp::identified;
use crate::support::{answer, order_of};

async fn history(stage: &crate::support::Stage, id: &str) -> Vec<Value> {
    let (status, body) = answer(stage.api.get(&format!("/api/v1/orders/{id}/history"))).await;
    assert_eq!((status, &body["order_id"]), (200, &json!(id)), "{body}");
    body["history"].as_array().expect("a history").clone()
}

fn column<'a>(history: &'a [Value], name: &str) -> Vec<&'a str> {
    history.iter().map(|entry| entry[name].as_str().unwrap_or("")).collect()
}

#[tokio::test]
async fn every_change_of_an_order_tells_who_when_why_and_what_caused_it() {
    let stage = whole_fleet().await;
    let id = stage.submit(&order_of("WIDGET-01", 1)).await;
    stage.reaches(&id, "confirmed").await;
    let request = stage.api.post(&format!("/api/v1/orders/{id}/cancel"), &json!({"reason": "ordered twice"}));
    assert_eq!(answer(request.header("x-correlation-id", "desk-7")).await.0, 202);
    stage.reaches(&id, "cancelled").await;
    let history = history(&stage, &id).await;
    assert_eq!(
        column(&history, "event"),
        [
            "accepted",
            "submitted",
            "stock_reserved",
            "payment_taken",
            "cancel_requested",
            "payment_refunded",
            "stock_returned"
        ]
    );
    assert_eq!(
        column(&history, "status"),
        ["pending", "processing", "processing", "confirmed", "processing", "processing", "cancelled"]
    );
    for entry in &history {
        let by_a_person = ["accepted", "cancel_requested"].contains(&entry["event"].as_str().expect("an event"));
        assert_eq!(entry["actor"], json!(if by_a_person { "anyone" } else { "system:order-processor" }), "{entry}");
        assert!(entry["at"].is_string() && entry["id"].is_i64(), "{entry}");
        let caused = entry["message_id"].as_str().is_some_and(|id| Uuid::parse_str(id).is_ok());
        assert!(caused || entry["correlation_id"] == "desk-7", "{entry}");
    }
    assert_eq!((&history[4]["detail"], &history[4]["correlation_id"]), (&json!("ordered twice"), &json!("desk-7")));
    assert_eq!(history[6]["detail"], json!("it was cancelled on request"));
    let ids: Vec<i64> = history.iter().filter_map(|entry| entry["id"].as_i64()).collect();
    assert!(ids.is_sorted());
    stage.finish().await;
}

#[tokio::test]
async fn an_order_that_came_over_amqp_was_accepted_too_by_the_message_that_brought_it() {
    let mut stage = whole_fleet().await;
    let (id, message) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let mut order = order_of("WIDGET-01", 1);
    order["id"] = json!(id);
    for _ in 0..2 {
        stage.client.publish_json("orders", "process", identified(&message), &order).await;
    }
    stage.reaches(&id, "confirmed").await;
    let history = history(&stage, &id).await;
    assert_eq!(column(&history, "event"), ["accepted", "submitted", "stock_reserved", "payment_taken"]);
    assert_eq!(column(&history, "message_id")[..2], [message.as_str(), message.as_str()]);
    assert_eq!(column(&history, "actor")[..2], ["service:amqp", "system:order-processor"]);
    stage.is_audited_clean().await;
    stage.finish().await;
}

#[tokio::test]
async fn the_history_of_an_order_that_nobody_knows_is_not_found() {
    let stage = whole_fleet().await;
    let path = format!("/api/v1/orders/{}/history", Uuid::new_v4());
    assert_eq!(answer(stage.api.get(&path)).await.0, 404);
    stage.finish().await;
}
