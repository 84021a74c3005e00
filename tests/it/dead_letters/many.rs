//! Many dead letters of many causes: grouped right, found quickly, and replayed without harm while some of the faults are not mended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use order_fleet::access::{Actor, Trust};
use order_fleet::contract::{Outgoing, headers};
use order_fleet::dead_letters::replay::{Begin, Runner, begin};
use order_fleet::lifecycle::SagaArgs;
use order_fleet::messaging::Wire;
use order_fleet::services::analytics_service::AnalyticsService;
use order_fleet::services::rehearsals::Rehearsals;
use order_fleet::store::dead_letters::{GroupFilter, Operation, OperationState, Selection};
use tokio_util::sync::CancellationToken;

use serde_json::json;

use super::*;

/// What each cause says, with the parts that differ from letter to letter.
const CAUSES: [&str; 12] = [
    "the table is locked by {id}",
    "connection refused by 10.0.0.{n}:5432",
    "no answer within {n} ms",
    "the gateway answered 503 to request {id}",
    "the gateway answered 429 to request {id}",
    "customer cust-{n} has no address",
    "the disk is full: {n} bytes are missing",
    "deadlock detected while {id} waited",
    // not mended when the first replay begins
    "/items/{n}/price must be positive",
    "/items/{n}/quantity must be positive",
    "missing field `email` at line 1 column {n}",
    "invalid type: string \"{id}\", expected a number",
];
const MENDED: usize = 8;

/// More of them are for measuring.
#[expect(clippy::disallowed_methods, reason = "how many, for whoever measures; no setting of the fleet")]
fn letters() -> usize {
    std::env::var("FLEET_TEST_DEAD_LETTERS").ok().and_then(|text| text.parse().ok()).unwrap_or(2_400)
}

fn dead(number: usize) -> Wire {
    let (cause, id) = (number % CAUSES.len(), Uuid::new_v4());
    let error = CAUSES[cause].replace("{id}", &id.to_string()).replace("{n}", &number.to_string());
    // a total that cannot be read stands for a fault that is not mended; `cause` says what it died of
    let total = if cause < MENDED { json!(10) } else { json!("ten") };
    let body = json!({"order_id": Uuid::new_v4(), "total": total, "cause": cause, "customer_id": format!("cust-{}", number % 1000),
        "items": [{"sku": format!("SKU-{}", number % 500)}]});
    let message = Outgoing::json(id, "dlx", "failed", "order.note", &body).expect("JSON");
    let failed_at = format!("2026-01-02T{:02}:{:02}:00Z", number / 3600 % 24, number / 60 % 60);
    let message = message
        .header(headers::REASON, "attempts_exhausted")
        .header(headers::ERROR, error)
        .header(headers::ORIGIN_QUEUE, "analytics")
        .header(headers::ORIGIN_EXCHANGE, "events")
        .header(headers::ORIGIN_ROUTING_KEY, "order.confirmed")
        .header(headers::FAILED_AT, failed_at);
    Wire::from(&message)
}

impl Scene {
    async fn die(&self, count: usize) {
        let mut publisher = self.broker.broker("many").publisher("many").await.expect("a publisher");
        let all: Vec<Wire> = (0..count).map(dead).collect();
        for some in all.chunks(1000) {
            publisher.publish(some).await.expect("stored");
        }
        let started = Instant::now();
        while self.database.number("select count(*) from dead_letters").await < i64::try_from(count).expect("small") {
            assert!(started.elapsed() < Duration::from_secs(300), "they are not stored");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn replay_all(&self) -> Operation {
        let actor = Actor::person("anna", Trust::Operator);
        let filter = Filter::default();
        let asked = Begin { actor: &actor, reason: None, rate: 2000, failure_limit: 0.05, watched: true, runner: None };
        let mut tx = self.database.pool.begin().await.expect("a transaction");
        let begun = begin(&mut tx, &asked, &Selection::Matching(&filter)).await.expect("recorded");
        tx.commit().await.expect("committed");
        let consumers = Arc::new(Rehearsals::new(SagaArgs { stock_deadline_seconds: 1, payment_deadline_seconds: 1 }));
        let mut runner =
            Runner::new(Uuid::now_v7(), self.database.pool.clone(), self.broker.broker("runner"), consumers);
        runner.run(begun.id, &CancellationToken::new()).await.expect("the database answers");
        let mut db = self.database.pool.acquire().await.expect("a connection");
        dead_letters::operation(&mut db, begun.id).await.expect("read").expect("is there")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_letters_of_twelve_causes_are_grouped_found_and_replayed() {
    let mut scene = Scene::open().await;
    let count = letters();
    let began = Instant::now();
    scene.die(count).await;
    eprintln!("{count} stored in {:?}", began.elapsed());
    scene.database.execute("analyze").await;

    let mixed = "select count(*) from (select group_id from dead_letters group by group_id
        having count(distinct convert_from(payload, 'UTF8')::json ->> 'cause') > 1) g";
    assert_eq!(scene.database.number(mixed).await, 0, "no group mixes causes");
    assert_eq!(scene.database.number("select count(*) from dead_letter_groups").await, 12, "and no cause is split");

    let mut db = scene.database.pool.acquire().await.expect("a connection");
    let groups = dead_letters::groups(&mut db, &GroupFilter::default(), 100).await.expect("the groups");
    let group = groups.iter().find(|group| group.error.contains("gateway answered 503")).expect("is there").id;
    let mut slowest = (Duration::ZERO, String::new());
    for filter in [
        Filter::default(),
        Filter { state: Some(order_fleet::store::dead_letters::State::Unresolved), ..Filter::default() },
        Filter { group_id: Some(group), ..Filter::default() },
        Filter { queue: Some("analytics".into()), ..Filter::default() },
        Filter { queue: Some("nowhere".into()), ..Filter::default() },
        Filter { reason: Some("refused".into()), ..Filter::default() },
        Filter { kind: Some("order.note".into()), ..Filter::default() },
        Filter { order_id: Some(Uuid::new_v4()), ..Filter::default() },
        Filter { customer_id: Some("cust-7".into()), ..Filter::default() },
        Filter { sku: Some("SKU-7".into()), ..Filter::default() },
        Filter { text: Some("no answer within 1202 ms".into()), ..Filter::default() },
        Filter { text: Some("deadlock".into()), sku: Some("SKU-7".into()), ..Filter::default() },
        Filter { text: Some("nothing says this".into()), ..Filter::default() },
        Filter {
            since: Some(time::macros::datetime!(2026-01-02 01:00 UTC)),
            customer_id: Some("cust-9".into()),
            ..Filter::default()
        },
        Filter { until: Some(time::macros::datetime!(2026-01-02 00:05 UTC)), ..Filter::default() },
    ] {
        let started = Instant::now();
        dead_letters::list(&mut db, &filter, None, 50).await.expect("a list");
        slowest = slowest.max((started.elapsed(), filter.to_string()));
    }
    let started = Instant::now();
    dead_letters::groups(&mut db, &GroupFilter::default(), 100).await.expect("the groups");
    eprintln!("slowest list {slowest:?}, groups {:?}", started.elapsed());
    assert!(slowest.0 < Duration::from_millis(100), "{slowest:?}");
    drop(db);

    scene.workers.start(AnalyticsService::default());
    let began = Instant::now();
    let first = scene.replay_all().await;
    eprintln!("first replay {:?}: {first:?}", began.elapsed());
    let good = i32::try_from((0..count).filter(|number| number % CAUSES.len() < MENDED).count()).expect("small");
    assert_eq!((first.state, first.applied), (OperationState::Stopped, good), "{first:?}");
    assert!(f64::from(first.failed) < 0.02 * f64::from(first.total), "{first:?}");
    assert_eq!(scene.database.number("select count(*) from recorded_events").await, i64::from(good));

    // the fault is mended
    let mended =
        "update dead_letters set payload = convert_to(replace(convert_from(payload, 'UTF8'), '\"ten\"', '10'), 'UTF8')
        where state = 'unresolved'";
    scene.database.execute(mended).await;
    let began = Instant::now();
    let second = scene.replay_all().await;
    eprintln!("second replay {:?}: {second:?}", began.elapsed());
    assert_eq!((second.state, second.failed), (OperationState::Completed, 0), "{second:?}");
    let all = i64::try_from(count).expect("small");
    assert_eq!(scene.database.number("select count(*) from recorded_events").await, all, "each once");
    let left = "select count(*) from dead_letters where state <> 'resolved'";
    assert_eq!(scene.database.number(left).await, 0);
}
