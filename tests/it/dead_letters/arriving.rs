//! Whatever died, however it died, is stored with its reason and its origin.

use lapin::types::AMQPValue;
use order_fleet::services::analytics_service::AnalyticsService;
use order_fleet::store::dead_letters::State;

use super::*;

#[tokio::test]
async fn what_our_own_consumer_gave_up_on_keeps_its_reason_and_its_origin() {
    let mut scene = Scene::open().await;
    scene.workers.start(AnalyticsService::default());
    let id = Uuid::new_v4();
    // an expiration must not let the dead letter vanish
    let properties = message(&id.to_string(), &[("traceparent", "00-1")])
        .with_expiration("60000".into())
        .with_correlation_id("c-1".into());
    scene.broker.publish("events", "order.failed", properties, b"{\"order_id\": ").await;
    let letter = scene.stored(1).await.remove(0);
    assert_eq!((letter.queue.as_str(), letter.reason.as_str()), ("analytics", "bad_message"));
    assert_eq!((letter.exchange.as_str(), letter.routing_key.as_str()), ("events", "order.failed"));
    assert_eq!((letter.message_id, letter.state, letter.failures), (id, State::Unresolved, 1));
    assert_eq!(letter.correlation_id.as_deref(), Some("c-1"));
    assert!(letter.error.contains("not JSON"), "{}", letter.error);
    let whole = scene.letter(letter.id).await;
    assert_eq!(whole.payload, b"{\"order_id\": ");
    assert_eq!(whole.headers["traceparent"], "00-1");
    assert_eq!(whole.properties.get("expiration"), None);
    assert_eq!(scene.broker.depth("dead_letters").await, 0);
    scene.workers.stop().await;
}

#[tokio::test]
async fn what_a_foreign_client_rejects_is_told_by_the_broker() {
    let scene = Scene::open().await;
    let id = Uuid::new_v4();
    scene.broker.publish("orders", "process", message("order-17", &[]), &order(id)).await;
    scene.broker.refuse("order_processing", false).await;
    let letter = scene.stored(1).await.remove(0);
    assert_eq!((letter.queue.as_str(), letter.reason.as_str()), ("order_processing", "rejected"));
    assert_eq!((letter.exchange.as_str(), letter.routing_key.as_str()), ("orders", "process"));
    assert_eq!(letter.order_id, Some(id));
    let whole = scene.letter(letter.id).await;
    assert_eq!(whole.properties["message_id"], "order-17");
    assert_eq!(whole.deaths[0]["queue"], "order_processing");
    assert_eq!(whole.deaths[0]["count"], 1);
}

#[tokio::test]
async fn a_message_that_crashes_its_foreign_consumer_again_and_again_arrives_by_its_delivery_limit() {
    let scene = Scene::open().await;
    scene.broker.declare_foreign("shop", "shop_orders", 2).await;
    scene.broker.publish("shop", "new.order", message("m", &[]), b"{}").await;
    for _ in 0..3 {
        scene.broker.refuse("shop_orders", true).await;
    }
    let letter = scene.stored(1).await.remove(0);
    assert_eq!((letter.queue.as_str(), letter.reason.as_str()), ("shop_orders", "delivery_limit"));
    assert_eq!((letter.exchange.as_str(), letter.routing_key.as_str()), ("shop", "new.order"));
}

#[tokio::test]
async fn binary_garbage_from_anyone_is_stored_as_it_is() {
    let scene = Scene::open().await;
    let garbage = b"\xff\xfe\x00 no text at all \x00";
    scene.broker.publish("dlx", "failed", BasicProperties::default(), garbage).await;
    let mut headers = FieldTable::default();
    headers.insert("fleet-error".into(), AMQPValue::LongString(b"NUL \0 and \xff".to_vec().into()));
    headers.insert("fleet-reason".into(), AMQPValue::LongString("no\0reason".into()));
    headers.insert("x-death".into(), AMQPValue::Boolean(true));
    headers.insert("nul\0".into(), AMQPValue::ByteArray(vec![0, 255].into()));
    let hostile = BasicProperties::default().with_headers(headers).with_type("a\0b".into());
    scene.broker.publish("", "dead_letters", hostile, b"\0").await;
    scene.broker.publish("", "dead_letters", BasicProperties::default(), b"").await;
    let all = scene.stored(3).await;
    assert!(all.iter().all(|letter| letter.queue.is_empty() && letter.state == State::Unresolved));
    let mut payloads = Vec::new();
    for letter in &all {
        payloads.push(scene.letter(letter.id).await.payload);
    }
    payloads.sort();
    assert_eq!(payloads, [b"".to_vec(), b"\0".to_vec(), garbage.to_vec()]);
    assert_eq!(scene.replay(all[0].id).await, Outcome::NoWayBack);
    assert_eq!(scene.list().await.iter().filter(|letter| letter.state == State::Unresolved).count(), 3);
}

#[tokio::test]
async fn different_messages_under_one_id_are_all_kept_and_the_same_one_twice_is_one() {
    let scene = Scene::open().await;
    let properties = || given_up("1", "order_processing", "orders", "process");
    for body in ["first", "second", "third", "second", "first"] {
        scene.broker.publish("dlx", "failed", properties(), body.as_bytes()).await;
    }
    scene.broker.wait_for_depth("dead_letters", 0).await;
    let all = scene.stored(3).await;
    assert!(all.iter().all(|letter| letter.failures == 1));
    scene.workers.stop().await;
    assert_eq!(scene.broker.depth("dead_letters").await, 0);
}
