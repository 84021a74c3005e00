//! What a partner gets, and how often.

use std::collections::BTreeSet;

use order_fleet::stand_ins::Misbehaviour;
use serde_json::json;

use super::{Scene, confirmed, ids, is_signed_by};
use crate::support::amqp::identified;
use crate::support::{Role, eventually, order_of};

#[tokio::test]
async fn an_endpoint_gets_the_events_that_it_wants_signed_and_no_others() {
    let scene = Scene::set().await;
    let all = scene.endpoint("all", json!(["*"])).await;
    let customer = json!({"url": scene.partner.url("one"), "event_types": ["order.*"], "customer_id": "c-2"});
    let one = scene.endpoint_with("one", customer).await;
    let low = scene.endpoint("low", json!(["stock.low", "payment.*"])).await;
    let first = scene.event("order.confirmed", confirmed("c-1", 1)).await;
    let second = scene.event("order.shipped", confirmed("c-2", 2)).await;
    let third = scene.event("stock.low", json!({"sku": "WIDGET-01", "available": 1, "threshold": 2})).await;
    scene.takes(&all, &BTreeSet::from([first.clone(), second.clone(), third.clone()])).await;
    scene.takes(&one, &BTreeSet::from([second.clone()])).await;
    scene.takes(&low, &BTreeSet::from([third.clone()])).await;
    for endpoint in [&all, &one, &low] {
        assert!(scene.verified(endpoint, &endpoint.secret) > 0);
    }
    let call = scene.partner.calls("one").remove(0);
    assert!(!is_signed_by(&call, &all.secret), "each endpoint has a secret of its own");
    assert_eq!(call.headers["content-type"], "application/json");
    let body = call.json();
    assert_eq!((&body["type"], &body["timestamp"]), (&json!("order.shipped"), &json!("2026-03-01T10:00:30Z")));
    assert_eq!((&body["data"]["customer_id"], &body["data"]["metadata"]["number"]), (&json!("c-2"), &json!(2)));
    assert_eq!(body.as_object().expect("an object").len(), 3, "{body}");
    let kept: Vec<Vec<u8>> = sqlx::query_scalar("select secret from webhook_endpoints")
        .fetch_all(&scene.stage.database.pool)
        .await
        .expect("secrets");
    assert!(kept.iter().all(|secret| secret[0] == 1), "encrypted");
    scene.finish().await;
}

#[tokio::test]
async fn an_order_is_told_of_from_its_submission_to_its_confirmation() {
    let mut scene = Scene::set().await;
    scene.stage.start(&[Role::Processor, Role::Inventory, Role::Payment]).await;
    scene.stage.stock("WIDGET-01", 10).await;
    let endpoint = scene.endpoint("orders", json!(["order.*"])).await;
    let id = scene.stage.submit(&order_of("WIDGET-01", 1)).await;
    scene.stage.reaches(&id, "confirmed").await;
    let told = eventually("both events have arrived", async || {
        let calls = scene.partner.taken("orders");
        (calls.len() == 2).then_some(calls)
    })
    .await;
    let types: BTreeSet<String> =
        told.iter().map(|call| call.json()["type"].as_str().expect("a type").to_owned()).collect();
    assert_eq!(types, BTreeSet::from(["order.created".to_owned(), "order.confirmed".to_owned()]));
    assert!(told.iter().all(|call| call.json()["data"]["id"] == id && is_signed_by(call, &endpoint.secret)));
    scene.finish().await;
}

#[tokio::test]
async fn a_call_that_fails_is_made_again_under_the_same_id_and_every_attempt_is_logged() {
    let scene = Scene::set().await;
    let endpoint = scene.endpoint("shaky", json!(["order.*"])).await;
    scene.partner.misbehave("shaky", Misbehaviour::status(503, format!("busy {}", "x".repeat(5_000))));
    let event = scene.event("order.confirmed", confirmed("c-1", 1)).await;
    eventually("two attempts have failed", async || (scene.partner.calls("shaky").len() >= 2).then_some(())).await;
    scene.partner.behave("shaky");
    scene.takes(&endpoint, &BTreeSet::from([event.clone()])).await;
    let delivery = scene.stand(&endpoint, 1, "delivered").await.remove(0);
    let calls = scene.partner.calls("shaky");
    assert_eq!(ids(&calls), BTreeSet::from([event.clone()]));
    assert!(calls.windows(2).all(|two| two[0].body == two[1].body), "the same body each time");
    assert_eq!(scene.verified(&endpoint, &endpoint.secret), calls.len());
    assert_eq!((&delivery["event_id"], &delivery["attempts"]), (&json!(event), &json!(calls.len())));
    let details = scene.get(&endpoint.page(&format!("/deliveries/{}", delivery["id"].as_str().expect("an id")))).await;
    let log = details["log"].as_array().expect("a log");
    assert_eq!(log.len(), calls.len());
    assert_eq!((&log[0]["status"], &log[0]["error"]), (&json!(503), &json!("the endpoint answered 503")));
    let response = log[0]["response"].as_str().expect("a response");
    assert!(response.starts_with("busy xxx") && response.len() == 1024, "{}", response.len());
    let last = log.last().expect("an attempt");
    assert_eq!((&last["status"], &last["error"]), (&json!(204), &json!(null)));
    let shown = scene.get(&endpoint.page("")).await;
    assert_eq!((&shown["failures"], &shown["failing_since"]), (&json!(0), &json!(null)));
    scene.finish().await;
}

#[tokio::test]
async fn an_event_that_comes_twice_is_delivered_once() {
    let scene = Scene::set().await;
    let endpoint = scene.endpoint("once", json!(["*"])).await;
    let id = uuid::Uuid::new_v4().to_string();
    for _ in 0..3 {
        scene.stage.client.publish_json("events", "order.confirmed", identified(&id), &confirmed("c-1", 1)).await;
    }
    scene.takes(&endpoint, &BTreeSet::from([id.clone()])).await;
    let mut scene = scene;
    scene.stage.settle().await;
    // and the request to deliver it, too
    let delivery = scene.stand(&endpoint, 1, "delivered").await.remove(0)["id"].as_str().expect("an id").to_owned();
    let request = json!({"delivery_id": delivery});
    for message_id in [delivery.clone(), uuid::Uuid::new_v4().to_string()] {
        scene.stage.client.publish_json("", "webhook_deliveries", identified(&message_id), &request).await;
    }
    scene.stage.settle().await;
    assert_eq!(scene.partner.calls("once").len(), 1);
    assert_eq!(scene.stage.database.number("select count(*) from webhook_attempts").await, 1);
    scene.finish().await;
}

#[tokio::test]
async fn while_a_secret_is_changed_both_sign() {
    let scene = Scene::set().await;
    let endpoint = scene.endpoint("rotating", json!(["*"])).await;
    let sent = async |number: usize| {
        scene.event("order.confirmed", confirmed("c-1", number)).await;
        eventually("it arrives", async || scene.partner.taken("rotating").get(number).cloned()).await
    };
    let signs = |call: &super::Call, secrets: [&str; 3]| secrets.map(|secret| is_signed_by(call, secret));
    let rotated = scene.post(&endpoint.page("/rotate"), json!({"overlap_seconds": 600})).await;
    let (first, second) = (endpoint.secret.as_str(), rotated["secret"].as_str().expect("a secret"));
    assert!(rotated["previous_secret_valid_until"].is_string());
    let call = sent(0).await;
    let rotated = scene.post(&endpoint.page("/rotate"), json!({"overlap_seconds": 0})).await;
    let third = rotated["secret"].as_str().expect("a secret");
    assert_eq!(signs(&call, [first, second, third]), [true, true, false]);
    let signature = call.headers["webhook-signature"].to_str().expect("text");
    assert_eq!(signature.split(' ').count(), 2, "{signature}");
    let call = sent(1).await;
    assert_eq!(signs(&call, [first, second, third]), [false, false, true], "a leaked secret is out at once");
    assert!(scene.get(&endpoint.page("")).await["previous_secret_valid_until"].is_null());
    // an overlap that has passed
    scene.post(&endpoint.page("/rotate"), json!({})).await;
    scene
        .stage
        .database
        .execute("update webhook_endpoints set previous_valid_until = now() - interval '1 second'")
        .await;
    let call = sent(2).await;
    assert!(!is_signed_by(&call, third));
    scene.finish().await;
}

#[tokio::test]
async fn without_endpoints_an_event_leaves_nothing_behind() {
    let mut scene = Scene::set().await;
    scene.events(20).await;
    scene.stage.settle().await;
    assert_eq!(scene.stage.database.number("select count(*) from recorded_events").await, 20);
    assert_eq!(scene.stage.database.number("select count(*) from webhook_deliveries").await, 0);
    assert_eq!(scene.stage.database.number("select count(*) from inbox where outgoing is not null").await, 0);
    scene.finish().await;
}
