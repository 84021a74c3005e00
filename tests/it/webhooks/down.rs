//! An endpoint that is down is nobody's trouble but its own, and when it is back it gets everything.

use std::time::Duration;

use order_fleet::stand_ins::Misbehaviour;
use serde_json::json;

use super::Scene;
use crate::support::{Options, eventually};

const EVENTS: usize = 150;

async fn one_is_down_while_the_other_gets_all(misbehaviour: Misbehaviour) {
    let options = Options { webhook_deadline: Duration::from_millis(300), ..Options::default() };
    let scene = Scene::with(options).await;
    let (good, bad) = (scene.endpoint("good", json!(["*"])).await, scene.endpoint("bad", json!(["*"])).await);
    scene.partner.misbehave("bad", misbehaviour);
    let events = scene.events(EVENTS).await;
    scene.takes(&good, &events).await;
    assert!(scene.partner.taken("bad").is_empty());
    let calls = scene.partner.calls("bad").len();
    assert!(calls < 3 * EVENTS, "{calls} calls of an endpoint that is down");
    eventually("it is known to fail", async || {
        scene.get(&bad.page("")).await["failing_since"].is_string().then_some(())
    })
    .await;
    assert_eq!(scene.get(&bad.page("")).await["state"], "enabled");
    scene.partner.behave("bad");
    scene.takes(&bad, &events).await;
    scene.stand(&bad, 0, "failed").await;
    eventually("it is not failing any more", async || {
        scene.get(&bad.page("")).await["failing_since"].is_null().then_some(())
    })
    .await;
    assert_eq!(scene.stage.client.depth("dead_letters").await, 0, "no message has spent its attempts on an outage");
    scene.finish().await;
}

#[tokio::test]
async fn an_endpoint_that_answers_errors_gets_everything_when_it_is_back_and_the_other_never_waits() {
    one_is_down_while_the_other_gets_all(Misbehaviour::status(500, "broken")).await;
}

#[tokio::test]
async fn an_endpoint_that_hangs_gets_everything_when_it_is_back_and_the_other_never_waits() {
    one_is_down_while_the_other_gets_all(Misbehaviour::Hang).await;
}

#[tokio::test]
async fn an_endpoint_that_is_paused_meanwhile_gets_nothing_more() {
    let scene = Scene::set().await;
    let endpoint = scene.endpoint("pausing", json!(["*"])).await;
    scene.partner.misbehave("pausing", Misbehaviour::status(500, "broken"));
    scene.events(1).await;
    eventually("an attempt has failed", async || scene.partner.calls("pausing").pop()).await;
    scene.post(&endpoint.page("/pause"), json!({})).await;
    scene.stand(&endpoint, 1, "held").await;
    let calls = scene.partner.calls("pausing").len();
    scene.believed().await;
    scene.events(5).await;
    let mut scene = scene;
    scene.stage.settle().await;
    assert_eq!(scene.partner.calls("pausing").len(), calls);
    assert_eq!(scene.deliveries(&endpoint, "").await.len(), 1, "what happens in a pause is not even planned");
    scene.finish().await;
}

#[tokio::test]
async fn what_is_on_its_way_to_an_endpoint_that_is_deleted_is_dropped() {
    let scene = Scene::set().await;
    let endpoint = scene.endpoint("leaving", json!(["*"])).await;
    scene.partner.misbehave("leaving", Misbehaviour::status(500, "broken"));
    scene.events(3).await;
    eventually("attempts have failed", async || (scene.partner.calls("leaving").len() >= 3).then_some(())).await;
    assert_eq!(super::succeeds_empty(scene.stage.api.delete(&endpoint.page(""))).await, 204);
    let mut scene = scene;
    scene.stage.settle().await;
    assert_eq!(scene.stage.client.depth("dead_letters").await, 0);
    scene.finish().await;
}
