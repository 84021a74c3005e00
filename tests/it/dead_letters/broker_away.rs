//! A replay while the broker is away: it waits by itself, holds nothing against any letter, and goes on. And other ways in which a message
//! of a replay is never seen to end.

use order_fleet::config::BrokerArgs;
use order_fleet::dead_letters::replay::Left;
use order_fleet::messaging::Broker;
use order_fleet::ports::sms::SmsSender;
use order_fleet::services::analytics_service::AnalyticsService;
use order_fleet::services::notifier::Notifier;
use order_fleet::services::sms_service::SmsTransport;
use order_fleet::stand_ins::{Proxy, Weather};
use order_fleet::store::dead_letters::{OperationState, State};
use serde_json::json;
use tokio::net::lookup_host;
use tokio_util::sync::CancellationToken;

use super::*;

/// A network to the broker that can be cut, and the broker through it.
async fn through_a_proxy(url: &str) -> (Proxy, Broker) {
    let (user, rest) = url.split_once('@').expect("AMQP_URL has a user");
    let (server, path) = rest.split_once('/').expect("AMQP_URL names a virtual host");
    let servers = lookup_host(server).await.expect("the broker has an address").collect();
    let proxy = Proxy::start(servers).await.expect("a free port");
    let amqp_url = format!("{user}@{}/{path}", proxy.address);
    (proxy, Broker::new(&BrokerArgs { amqp_url }, "behind the proxy").expect("an address"))
}

/// Half of a replay, then this weather, then the other half.
async fn survives(weather: Weather) {
    let scene = Scene::open().await;
    scene.dead_events("the table is locked, try", 60, true).await;
    scene.stored(60).await;
    let (proxy, broker) = through_a_proxy(&scene.broker.url).await;
    let mut consumers = Workers::at(&scene.database, broker.clone());
    consumers.start(AnalyticsService::default());
    let begun = scene.begin(&Filter::default()).await;
    let mut runner = scene.runner_at(broker);
    let running = tokio::spawn(async move { runner.run(begun.id, &CancellationToken::new()).await });
    eventually("half way", async || (scene.operation(begun.id).await.applied >= 8).then_some(())).await;
    proxy.set(weather);
    let waiting = eventually("it says that it waits", async || {
        let now = scene.operation(begun.id).await;
        let waits = now.state_reason.as_deref().is_some_and(|why| why.contains("waits for the broker"));
        assert!(!now.state.has_ended() && now.failed == 0 && now.kept == 0, "{now:?}");
        waits.then_some(now)
    })
    .await;
    assert_eq!(waiting.state, OperationState::Running, "{waiting:?}");
    let lost = scene.list().await.iter().filter(|letter| letter.state == State::Unresolved).count();
    assert!(lost >= 60 - usize::try_from(waiting.applied + waiting.sent).expect("small"), "{waiting:?}");
    proxy.set(Weather::Fair);
    assert_eq!(running.await.expect("it runs").expect("the database answers"), Left::NotRunning);
    let ended = scene.operation(begun.id).await;
    assert_eq!((ended.state, ended.applied, ended.state_reason), (OperationState::Completed, 60, None));
    assert_eq!(scene.database.number("select count(*) from recorded_events").await, 60);
    assert!(scene.list().await.iter().all(|letter| letter.state == State::Resolved));
    consumers.stop().await;
}

#[tokio::test]
async fn a_replay_waits_while_the_broker_refuses_connections_and_goes_on_by_itself() {
    survives(Weather::Cut).await;
}

#[tokio::test]
async fn a_replay_waits_while_the_broker_answers_nothing_and_goes_on_by_itself() {
    survives(Weather::Stalled).await;
}

#[tokio::test]
async fn a_message_whose_letter_is_deleted_under_way_ends_by_what_its_consumer_knows() {
    for is_handled in [false, true] {
        let scene = Scene::open().await;
        scene.dead_events("the table is locked, try", 1, true).await;
        scene.stored(1).await;
        let begun = scene.begin(&Filter::default()).await;
        let mut runner = scene.runner_at(scene.broker.broker("runner"));
        let running = tokio::spawn(async move { runner.run(begun.id, &CancellationToken::new()).await });
        eventually("it is sent", async || (scene.operation(begun.id).await.sent == 1).then_some(())).await;
        if is_handled {
            // in one statement: the letter is never seen to be gone without the row in the inbox
            let handled = "with gone as (delete from dead_letters returning message_id)
                insert into inbox (consumer, message_id) select 'analytics-service', message_id from gone";
            scene.database.execute(handled).await;
        } else {
            scene.database.execute("delete from dead_letters").await;
        }
        assert_eq!(running.await.expect("it runs").expect("the database answers"), Left::NotRunning);
        let ended = scene.operation(begun.id).await;
        let expected = if is_handled { (1, 0) } else { (0, 1) };
        assert_eq!((ended.state, (ended.applied, ended.unseen)), (OperationState::Completed, expected), "{ended:?}");
    }
}

#[tokio::test]
async fn a_replayed_message_that_does_not_concern_its_consumer_leaves_a_trace_and_a_live_one_does_not() {
    let mut scene = Scene::open().await;
    let folder = tempfile::tempdir().expect("a folder");
    let sender = SmsSender::folder(folder.path()).expect("a folder");
    scene.workers.start(Notifier { transport: SmsTransport { sender } });
    // nobody can be reached without a number
    let body =
        json!({"type": "order_shipped", "order_id": Uuid::new_v4(), "email": "ada@shop.example", "total": "1.00"});
    let (live, replayed) = (Uuid::new_v4(), Uuid::new_v4());
    for (id, headers) in [(live, &[][..]), (replayed, &[("fleet-replays", "1")][..])] {
        let properties = message(&id.to_string(), headers);
        scene.broker.publish("", "sms_notifications", properties, body.to_string().as_bytes()).await;
    }
    eventually("the replayed one leaves its row", async || {
        let known: Vec<Uuid> = sqlx::query_scalar("select message_id from inbox where consumer = 'sms-service'")
            .fetch_all(&scene.database.pool)
            .await
            .expect("the inbox");
        assert!(!known.contains(&live), "{known:?}");
        (known == [replayed]).then_some(())
    })
    .await;
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
    assert_eq!(scene.broker.depth("dead_letters").await, 0);
}
