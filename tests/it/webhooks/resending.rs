//! Sending again what an endpoint missed, and nothing that it took.

use std::collections::BTreeSet;

use order_fleet::stand_ins::Misbehaviour;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Endpoint, Scene, confirmed, ids};
use crate::support::{answer, eventually};

fn text(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).expect("a time")
}

/// The range of the last minutes, up to now.
fn lately() -> Value {
    json!({"since": text(OffsetDateTime::now_utc() - time::Duration::minutes(5))})
}

async fn refused(scene: &Scene, endpoint: &Endpoint, below: &str, body: Value) -> (u16, Value) {
    answer(scene.stage.api.post(&endpoint.page(below), &body)).await
}

#[tokio::test]
async fn a_range_skips_what_was_taken_and_brings_what_was_missed_also_from_before_there_was_an_endpoint() {
    let mut scene = Scene::set().await;
    let before = scene.events(2).await;
    scene.stage.settle().await;
    let endpoint = scene.endpoint("late", json!(["order.*"])).await;
    let taken = scene.events(3).await;
    scene.takes(&endpoint, &taken).await;
    scene.stand(&endpoint, 3, "delivered").await;
    scene.post(&endpoint.page("/pause"), json!({})).await;
    scene.believed().await;
    let missed = scene.events(4).await;
    scene.event("stock.low", json!({"sku": "A"})).await;
    scene.stage.settle().await;
    let (status, problem) = refused(&scene, &endpoint, "/resend", lately()).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/conflict")), "{problem}");
    scene.post(&endpoint.page("/enable"), json!({})).await;
    let resent = scene.post(&endpoint.page("/resend"), lately()).await;
    assert_eq!((&resent["resent"], &resent["skipped"], &resent["next_cursor"]), (&json!(6), &json!(3), &json!(null)));
    let all: BTreeSet<String> = before.into_iter().chain(taken).chain(missed).collect();
    scene.takes(&endpoint, &all).await;
    scene.stand(&endpoint, 9, "delivered").await;
    let again = scene.post(&endpoint.page("/resend"), lately()).await;
    assert_eq!((&again["resent"], &again["skipped"]), (&json!(0), &json!(9)));
    scene.stage.settle().await;
    assert_eq!(scene.partner.calls("late").len(), 9, "each once");
    scene.finish().await;
}

#[tokio::test]
async fn a_range_that_overtakes_what_still_waits_delivers_it_now_and_once() {
    // the second attempt would be far away
    let options = crate::support::Options { webhook_delays: [3_000, 3_000, 3_000, 3_000], ..Default::default() };
    let mut scene = Scene::with(options).await;
    let endpoint = scene.endpoint("waiting", json!(["*"])).await;
    scene.partner.misbehave("waiting", Misbehaviour::status(500, "broken"));
    let events = scene.events(2).await;
    eventually("both have failed once", async || (scene.partner.calls("waiting").len() == 2).then_some(())).await;
    scene.partner.behave("waiting");
    let resent = scene.post(&endpoint.page("/resend"), lately()).await;
    assert_eq!(resent["resent"], 2);
    scene.takes(&endpoint, &events).await;
    scene.stage.settle().await;
    assert_eq!(scene.partner.taken("waiting").len(), 2, "the messages that waited found that it had been done");
    scene.finish().await;
}

#[tokio::test]
async fn a_range_has_its_bounds_and_its_customer() {
    let mut scene = Scene::set().await;
    let body = json!({"url": scene.partner.url("mine"), "event_types": ["order.confirmed"], "customer_id": "c-2"});
    let endpoint = scene.endpoint_with("mine", body).await;
    scene.post(&endpoint.page("/pause"), json!({})).await;
    scene.believed().await;
    for customer in ["c-1", "c-2", "c-2"] {
        scene.event("order.confirmed", confirmed(customer, 0)).await;
    }
    scene.event("order.created", confirmed("c-2", 0)).await;
    scene.stage.settle().await;
    scene.post(&endpoint.page("/enable"), json!({})).await;
    let early = json!({"since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"});
    assert_eq!(scene.post(&endpoint.page("/resend"), early).await["resent"], 0);
    assert_eq!(scene.post(&endpoint.page("/resend"), lately()).await["resent"], 2);
    scene.stand(&endpoint, 2, "delivered").await;
    assert!(scene.partner.taken("mine").iter().all(|call| call.json()["data"]["customer_id"] == "c-2"));
    scene.finish().await;
}

#[tokio::test]
async fn a_long_range_is_walked_page_by_page() {
    let mut scene = Scene::set().await;
    // more than one request looks at, all of one moment
    scene
        .stage
        .database
        .execute(
            "insert into recorded_events (message_id, routing_key, body, recorded_at)
             select gen_random_uuid(), 'order.confirmed', '{}', date_trunc('second', now())
             from generate_series(1, 1500)",
        )
        .await;
    let endpoint = scene.endpoint("long", json!(["order.*"])).await;
    let mut range = lately();
    range["until"] = json!(text(OffsetDateTime::now_utc()));
    let first = scene.post(&endpoint.page("/resend"), range.clone()).await;
    assert_eq!(first["resent"], 1000);
    range["cursor"] = first["next_cursor"].clone();
    let second = scene.post(&endpoint.page("/resend"), range).await;
    assert_eq!((&second["resent"], &second["next_cursor"]), (&json!(500), &json!(null)));
    eventually("all have arrived", async || (ids(&scene.partner.taken("long")).len() == 1500).then_some(())).await;
    scene.stage.settle().await;
    scene.finish().await;
}

#[tokio::test]
async fn a_single_delivery_is_sent_again_although_it_was_taken_under_the_same_id() {
    let mut scene = Scene::set().await;
    let endpoint = scene.endpoint("again", json!(["*"])).await;
    let events = scene.events(1).await;
    let delivery = scene.stand(&endpoint, 1, "delivered").await.remove(0);
    let resend = format!("/deliveries/{}/resend", delivery["id"].as_str().expect("an id"));
    scene.post(&endpoint.page(&resend), json!({})).await;
    eventually("it comes again", async || (scene.partner.taken("again").len() == 2).then_some(())).await;
    assert_eq!(ids(&scene.partner.taken("again")), events);
    // a failure now does not undo that it was delivered
    scene.partner.misbehave("again", Misbehaviour::status(500, "broken"));
    scene.post(&endpoint.page(&resend), json!({})).await;
    eventually("it fails", async || (scene.partner.calls("again").len() == 3).then_some(())).await;
    scene.partner.behave("again");
    scene.stage.settle().await;
    let after = scene.deliveries(&endpoint, "").await.remove(0);
    assert_eq!(after["state"], "delivered");
    assert!(after["attempts"].as_i64() >= Some(4), "{after}");
    scene.finish().await;
}
