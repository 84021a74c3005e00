//! A replay brings a message back to the consumer that failed, once, and what fails again is open again.

use std::collections::HashSet;

use order_fleet::dead_letters::publish::CHUNK;
use order_fleet::store::dead_letters::{LEASE_MINUTES, State, discard};

use super::*;

/// Kills the only message of a queue as a foreign client would.
async fn dead(scene: &Scene, exchange: &str, routing_key: &str, queue: &str) -> Summary {
    let id = Uuid::new_v4();
    let properties =
        message("mail-1", &[("traceparent", "00-1")]).with_correlation_id("c-1".into()).with_type("order".into());
    scene.broker.publish(exchange, routing_key, properties, &order(id)).await;
    scene.broker.refuse(queue, false).await;
    scene.stored(1).await.remove(0)
}

#[tokio::test]
async fn a_notification_that_one_channel_failed_comes_back_to_that_channel_only() {
    let scene = Scene::open().await;
    let letter = dead(&scene, "notifications", "", "email_notifications").await;
    assert_eq!(scene.replay(letter.id).await.to_string(), "replayed to email_notifications");
    let back = scene.broker.take("email_notifications").await;
    for other in ["sms_notifications", "push_notifications"] {
        assert_eq!(scene.broker.depth(other).await, 1, "{other}");
    }
    assert_eq!(back.data, scene.letter(letter.id).await.payload);
    let properties = &back.properties;
    assert_eq!(properties.message_id().as_ref().map(|id| id.as_str()), Some("mail-1"));
    assert_eq!(properties.correlation_id().as_ref().map(|id| id.as_str()), Some("c-1"));
    assert_eq!(properties.kind().as_ref().map(|kind| kind.as_str()), Some("order"));
    assert_eq!(*properties.delivery_mode(), Some(2));
    let headers = properties.headers().as_ref().expect("headers").inner();
    // the broker counts deliveries anew
    let headers: Vec<&str> =
        headers.keys().map(|name| name.as_str()).filter(|name| *name != "x-delivery-count").collect();
    assert_eq!(headers, ["fleet-origin-exchange", "fleet-origin-routing-key", "fleet-replays", "traceparent"]);
    let row = scene.letter(letter.id).await.summary;
    assert_eq!((row.state, row.state_reason.as_deref(), row.replays), (State::Resolved, Some("replayed"), 1));
}

#[tokio::test]
async fn an_order_goes_back_through_its_exchange_and_a_second_death_opens_it_again() {
    let scene = Scene::open().await;
    let letter = dead(&scene, "orders", "process", "order_processing").await;
    let to = "replayed through orders, process";
    assert_eq!(scene.replay(letter.id).await.to_string(), to);
    scene.broker.refuse("order_processing", false).await;
    let row = scene.failed(2).await;
    assert_eq!((row.id, row.state, row.replays), (letter.id, State::Unresolved, 1));
    assert!(row.first_failed_at <= letter.first_failed_at && row.last_failed_at >= letter.last_failed_at);
    assert_eq!(scene.replay(letter.id).await.to_string(), to);
    scene.broker.refuse("order_processing", false).await;
    assert_eq!(scene.failed(3).await.replays, 2);
    assert_eq!(scene.list().await.len(), 1);
}

#[tokio::test]
async fn two_operators_at_once_publish_every_message_once() {
    let scene = Scene::open().await;
    let count = CHUNK;
    for number in 0..count {
        let properties = given_up(&format!("m-{number}"), "payment_requests", "", "payment_requests");
        scene.broker.publish("dlx", "failed", properties, number.to_string().as_bytes()).await;
    }
    let ids: Vec<Uuid> = scene.stored(count).await.into_iter().map(|letter| letter.id).collect();
    let backwards: Vec<Uuid> = ids.iter().rev().copied().collect();
    let (mut one, mut other) = (scene.replayer(), scene.replayer());
    let (one, other) =
        tokio::join!(one.replay(&ids, Uuid::now_v7(), true), other.replay(&backwards, Uuid::now_v7(), true));
    let (one, other) = (one.expect("replayed"), other.expect("replayed"));
    let replayed: Vec<Uuid> =
        one.iter().chain(&other).filter(|report| report.outcome.is_replayed()).map(|report| report.id).collect();
    assert_eq!(replayed.len(), count);
    assert_eq!(replayed.iter().collect::<HashSet<_>>().len(), count);
    scene.broker.wait_for_depth("payment_requests", u32::try_from(count).expect("small")).await;
}

#[tokio::test]
async fn a_claim_that_a_crash_left_behind_can_be_taken_again_when_its_lease_is_over() {
    let scene = Scene::open().await;
    let letter = dead(&scene, "orders", "process", "order_processing").await;
    scene.database.execute("update dead_letters set state = 'replaying', state_changed_at = now()").await;
    assert_eq!(scene.replay(letter.id).await, Outcome::NotFree(State::Replaying));
    sqlx::query("update dead_letters set state_changed_at = now() - make_interval(mins => $1)")
        .bind(LEASE_MINUTES)
        .execute(&scene.database.pool)
        .await
        .expect("aged");
    assert!(scene.replay(letter.id).await.is_replayed());
    scene.broker.wait_for_depth("order_processing", 1).await;
}

#[tokio::test]
async fn one_way_that_is_gone_leaves_its_message_unresolved_and_harms_no_neighbour() {
    let scene = Scene::open().await;
    for (id, queue, exchange) in [("a", "gone", "no_such_exchange"), ("b", "gone", ""), ("c", "order_replies", "")] {
        scene.broker.publish("dlx", "failed", given_up(id, queue, exchange, "gone"), id.as_bytes()).await;
    }
    let all = scene.stored(3).await;
    let ids: Vec<Uuid> = all.iter().map(|letter| letter.id).collect();
    let reports = scene.replayer().replay(&ids, Uuid::now_v7(), false).await.expect("the database answers");
    for report in &reports {
        let row = scene.letter(report.id).await.summary;
        match (row.queue.as_str(), row.exchange.as_str(), &report.outcome) {
            ("order_replies", _, outcome) => assert!(outcome.is_replayed(), "{outcome}"),
            (_, "no_such_exchange", Outcome::InDoubt(why)) => {
                assert!(why.contains("no exchange"), "{why}");
                assert_eq!((row.state, row.replays), (State::Unresolved, 1));
            }
            (_, "", Outcome::NotStored(why)) => {
                assert!(why.contains("no queue is bound"), "{why}");
                assert_eq!((row.state, row.replays), (State::Unresolved, 0));
                assert!(row.state_reason.is_some_and(|reason| reason.contains("no queue is bound")));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_discarded_message_is_not_replayed_and_opens_again_when_it_fails_again() {
    let scene = Scene::open().await;
    let letter = dead(&scene, "orders", "process", "order_processing").await;
    let mut db = scene.database.pool.acquire().await.expect("a connection");
    assert_eq!(discard(&mut db, &[letter.id], "a test order").await.expect("discarded"), [letter.id]);
    assert!(discard(&mut db, &[letter.id], "again").await.expect("nothing").is_empty());
    assert_eq!(scene.replay(letter.id).await, Outcome::NotFree(State::Discarded));
    let row = scene.letter(letter.id).await.summary;
    assert_eq!((row.state, row.state_reason.as_deref()), (State::Discarded, Some("a test order")));
    let again = given_up("mail-1", "order_processing", "orders", "process").with_correlation_id("c-1".into());
    let payload = scene.letter(letter.id).await.payload;
    scene.broker.publish("dlx", "failed", again, &payload).await;
    let row = scene.failed(2).await;
    assert_eq!((row.id, row.state, row.reason.as_str()), (letter.id, State::Unresolved, "refused"));
}
