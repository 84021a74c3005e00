//! The analytics-service: every event once, and figures that add up.

use lapin::BasicProperties;
use order_fleet::services::analytics_service::AnalyticsService;
use order_fleet::services::dead_letter_handler::DeadLetterHandler;
use order_fleet::services::dead_letter_handler::replay::Replayer;
use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use crate::support::{TestBroker, TestDatabase, Workers, eventually};

async fn publish(broker: &TestBroker, routing_key: &str, message_id: Uuid, body: &Value) {
    let properties = BasicProperties::default().with_message_id(message_id.to_string().into());
    broker.publish("events", routing_key, properties, body.to_string().as_bytes()).await;
}

fn event(occurred_at: &str, more: Value) -> Value {
    let mut event =
        json!({"id": Uuid::new_v4(), "total": 0.1, "created_at": "2026-03-01T10:00:00Z", "occurred_at": occurred_at});
    for (name, value) in more.as_object().expect("an object") {
        event[name] = value.clone();
    }
    event
}

#[tokio::test]
async fn a_batch_with_duplicates_is_counted_once_and_adds_up() {
    let (broker, database) = (TestBroker::create().await, TestDatabase::create().await);
    let mut expected = 0;
    for number in 0..50 {
        let occurred_at = if number % 2 == 0 { "2026-03-01T10:00:30Z" } else { "2026-03-01T12:01:30+02:00" };
        let (id, body) = (Uuid::new_v4(), event(occurred_at, json!({})));
        for _ in 0..=number % 3 {
            publish(&broker, "order.confirmed", id, &body).await;
        }
        expected += 1;
    }
    for (routing_key, more) in [
        ("order.created", json!({})),
        ("order.failed", json!({"reason": "out_of_stock"})),
        ("order.failed", json!({"reason": "out_of_stock"})),
        ("order.failed", json!({"reason": null})),
        ("order.cancelled", json!({})),
        ("order.shipped", json!({})),
        ("order.delivered", json!({})),
        ("stock.low", json!({"sku": "A"})),
    ] {
        publish(&broker, routing_key, Uuid::new_v4(), &event("2026-03-01T10:00:00Z", more)).await;
        expected += 1;
    }
    let mut workers = Workers::new(&database, &broker);
    workers.start(AnalyticsService::default());
    workers.start(AnalyticsService::default());
    let all = async || database.number("select count(*) from recorded_events").await;
    eventually("every event is recorded", async || (all().await == expected).then_some(())).await;
    broker.wait_for_depth("analytics", 0).await;
    workers.stop().await;
    assert_eq!(all().await, expected);

    let rows = sqlx::query(
        "select created, confirmed, failed, cancelled, shipped, delivered, revenue::text as revenue, confirm_seconds,
             confirm_seconds_max
         from statistics where period = $1 order by starts_at",
    );
    let days = rows.bind("day").fetch_all(&database.pool).await.expect("the days");
    assert_eq!(days.len(), 1);
    let number = |name: &str| days[0].get::<i64, _>(name);
    let counted = ["created", "confirmed", "failed", "cancelled", "shipped", "delivered"].map(number);
    assert_eq!(counted, [1, 50, 3, 1, 1, 1]);
    assert_eq!(days[0].get::<String, _>("revenue"), "5.00");
    assert_eq!(days[0].get::<f64, _>("confirm_seconds"), 25.0 * 30.0 + 25.0 * 90.0);
    assert_eq!(days[0].get::<f64, _>("confirm_seconds_max"), 90.0);
    let minutes = "select count(*) from statistics where period = 'minute' and confirmed = 25";
    assert_eq!(database.number(minutes).await, 2);
    let of_reason = "select count from statistics_failures where period = 'day' and reason = 'out_of_stock'";
    assert_eq!(database.number(of_reason).await, 2);
    let unknown = "select count from statistics_failures where period = 'minute' and reason = 'unknown'";
    assert_eq!(database.number(unknown).await, 1);
}

#[tokio::test]
async fn an_event_that_is_no_json_object_is_a_dead_letter_and_a_replayed_one_keeps_its_routing_key() {
    let (broker, database) = (TestBroker::create().await, TestDatabase::create().await);
    let mut workers = Workers::new(&database, &broker);
    workers.start(DeadLetterHandler);
    publish(&broker, "order.shipped", Uuid::new_v4(), &event("2026-03-01T10:00:00Z", json!({}))).await;
    broker.refuse("analytics", false).await;
    let dead = async |count: i64| {
        let found = async || database.number("select count(*) from dead_letters").await;
        eventually("dead letters", async || (found().await == count).then_some(())).await;
    };
    dead(1).await;
    let id: Uuid = sqlx::query_scalar("select id from dead_letters").fetch_one(&database.pool).await.expect("the row");
    workers.start(AnalyticsService::default());
    let mut replayer = Replayer::new(database.pool.clone(), broker.broker("replayer"));
    assert!(replayer.replay(&[id]).await.expect("replayed")[0].outcome.is_replayed());
    let shipped = "select coalesce(sum(shipped), 0)::bigint from statistics where period = 'day'";
    eventually("the replayed event is counted", async || (database.number(shipped).await == 1).then_some(())).await;
    publish(&broker, "order.shipped", Uuid::new_v4(), &json!(["no object"])).await;
    dead(2).await;
    let reason = "select count(*) from dead_letters where reason = 'bad_message' and queue = 'analytics'";
    assert_eq!(database.number(reason).await, 1);
    workers.stop().await;
}
