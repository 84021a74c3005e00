//! What is given up: one delivery after its last attempt, an endpoint after nothing but failures. Both can be mended.

use std::collections::BTreeSet;

use order_fleet::services::dead_letter_handler::replay::Replayer;
use order_fleet::stand_ins::Misbehaviour;
use order_fleet::store::webhook_deliveries::Patience;
use serde_json::json;

use super::{Scene, confirmed, ids};
use crate::support::{Options, Role, eventually};

#[tokio::test]
async fn one_event_that_an_endpoint_never_takes_is_a_dead_letter_and_its_replay_delivers_it() {
    let mut scene = Scene::set().await;
    scene.stage.start(&[Role::DeadLetters]).await;
    let endpoint = scene.endpoint("picky", json!(["*"])).await;
    scene.partner.misbehave_at("picky", "\"number\":666", Misbehaviour::status(422, "cannot read it"));
    let bad = scene.event("order.confirmed", confirmed("c-1", 666)).await;
    // others go through in between: the endpoint as a whole is not down
    let mut good = BTreeSet::new();
    let letter = eventually("it is a dead letter", async || {
        good.extend(scene.events(3).await);
        sqlx::query_as::<_, (uuid::Uuid, String, String, String)>("select id, queue, reason, error from dead_letters")
            .fetch_optional(&scene.stage.database.pool)
            .await
            .expect("dead letters")
    })
    .await;
    let (id, queue, reason, error) = letter;
    assert_eq!((queue.as_str(), reason.as_str()), ("webhook_deliveries", "attempts_exhausted"));
    assert_eq!(error, "the endpoint answered 422");
    scene.takes(&endpoint, &good).await;
    let failed = scene.stand(&endpoint, 1, "failed").await.remove(0);
    assert_eq!((&failed["event_id"], &failed["attempts"]), (&json!(bad), &json!(5)), "the first and four rungs");
    scene.partner.behave("picky");
    let mut replayer = Replayer::new(scene.stage.database.pool.clone(), scene.stage.host.broker("replayer"));
    assert!(replayer.replay(&[id]).await.expect("replayed")[0].outcome.is_replayed());
    good.insert(bad);
    scene.takes(&endpoint, &good).await;
    scene.stand(&endpoint, 0, "failed").await;
    scene.finish().await;
}

#[tokio::test]
async fn an_endpoint_with_nothing_but_failures_is_disabled_everybody_is_told_and_it_can_come_back() {
    let options = Options { webhook_patience: Patience { hours: 0, failures: 6 }, ..Options::default() };
    let scene = Scene::with(options).await;
    let since = time::OffsetDateTime::now_utc() - time::Duration::minutes(1);
    let endpoint = scene.endpoint("dying", json!(["order.*"])).await;
    let watcher = scene.endpoint("watcher", json!(["webhook.*"])).await;
    scene.partner.misbehave("dying", Misbehaviour::status(500, "broken"));
    let events = scene.events(4).await;
    let shown = eventually("it is disabled", async || {
        let shown = scene.get(&endpoint.page("")).await;
        (shown["state"] == "disabled").then_some(shown)
    })
    .await;
    assert!(shown["state_reason"].as_str().is_some_and(|why| why.contains("nothing but failures")), "{shown}");
    assert!(shown["failures"].as_i64() >= Some(6));
    let told = eventually("the other endpoint is told", async || scene.partner.taken("watcher").pop()).await;
    assert_eq!(told.json()["type"], "webhook.disabled");
    assert_eq!(told.json()["data"]["endpoint_id"], endpoint.id);
    assert!(super::is_signed_by(&told, &watcher.secret));
    scene.stand(&endpoint, events.len(), "held").await;
    let calls = scene.partner.calls("dying").len();
    // what happens meanwhile
    scene.believed().await;
    let mut all = events;
    all.extend(scene.events(3).await);
    scene.partner.behave("dying");
    let mut scene = scene;
    scene.stage.settle().await;
    assert_eq!(scene.partner.calls("dying").len(), calls, "left in peace");
    assert_eq!(scene.partner.calls("watcher").len(), 1, "told once");
    let shown = scene.post(&endpoint.page("/enable"), json!({})).await;
    assert_eq!(
        (&shown["state"], &shown["failures"], &shown["state_reason"]),
        (&json!("enabled"), &json!(0), &json!(null))
    );
    let range = json!({"since": since.format(&time::format_description::well_known::Rfc3339).expect("a time")});
    let resent = scene.post(&endpoint.page("/resend"), range).await;
    assert_eq!((&resent["resent"], &resent["skipped"]), (&json!(7), &json!(0)));
    scene.takes(&endpoint, &all).await;
    scene.finish().await;
}

#[tokio::test]
async fn an_endpoint_that_says_that_it_is_gone_is_believed() {
    let scene = Scene::set().await;
    let endpoint = scene.endpoint("gone", json!(["*"])).await;
    scene.partner.misbehave("gone", Misbehaviour::status(410, ""));
    scene.events(1).await;
    let shown = eventually("it is disabled", async || {
        let shown = scene.get(&endpoint.page("")).await;
        (shown["state"] == "disabled").then_some(shown)
    })
    .await;
    assert_eq!(shown["state_reason"], "the endpoint answered 410 Gone");
    scene.stand(&endpoint, 1, "held").await;
    assert_eq!(ids(&scene.partner.calls("gone")).len(), 1);
    // a ping finds out whether it is worth enabling
    scene.partner.behave("gone");
    let ping = scene.post(&endpoint.page("/ping"), json!({})).await;
    let path = endpoint.page(&format!("/deliveries/{}", ping["id"].as_str().expect("an id")));
    eventually("the ping is taken", async || (scene.get(&path).await["state"] == "delivered").then_some(())).await;
    assert_eq!(scene.get(&endpoint.page("")).await["state"], "disabled");
    scene.finish().await;
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_costs_no_attempt() {
    let scene = Scene::set().await;
    let endpoint = scene.endpoint("locked", json!(["*"])).await;
    // as if WEBHOOK_KEY had been another one
    scene.stage.database.execute("create table kept as select id, secret from webhook_endpoints").await;
    scene
        .stage
        .database
        .execute("update webhook_endpoints set secret = set_byte(secret, 20, get_byte(secret, 20) # 1)")
        .await;
    let events = scene.events(2).await;
    let rungs = async || scene.stage.client.depth("webhook_deliveries_retry_1").await;
    eventually("they wait on the ladder", async || (rungs().await > 0).then_some(())).await;
    assert!(scene.partner.calls("locked").is_empty());
    scene
        .stage
        .database
        .execute("update webhook_endpoints e set secret = k.secret from kept k where k.id = e.id")
        .await;
    scene.takes(&endpoint, &events).await;
    let delivered = scene.stand(&endpoint, 2, "delivered").await;
    assert!(delivered.iter().all(|delivery| delivery["attempts"] == 1), "{delivered:?}");
    scene.finish().await;
}
