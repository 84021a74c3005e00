//! The live state of the fleet, as the API tells it and as `orders status` and `orders outbox` show it to an operator.

mod operating;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use order_fleet::topology::names;
use serde_json::{Value, json};

use crate::cli::runner::run;
use crate::support::amqp::identified;
use crate::support::fleet::Fleet;
use crate::support::{Api, Options, Role, STRANGER, Stage, TestDatabase, answer, eventually, order_of};

async fn status(stage: &Stage) -> Value {
    let (code, status) = answer(stage.api.get("/api/v1/status")).await;
    assert_eq!(code, 200, "{status}");
    status
}

/// The problems of one part, in words.
fn problems<'a>(status: &'a Value, part: &str) -> Vec<&'a str> {
    let problems = status["problems"].as_array().expect("problems").iter();
    problems.filter(|problem| problem["part"] == part).filter_map(|problem| problem["detail"].as_str()).collect()
}

fn find<'a>(status: &'a Value, part: &str, field: &str, wanted: &str) -> Option<&'a Value> {
    status[part].as_array().unwrap_or_else(|| panic!("no {part}: {status}")).iter().find(|entry| entry[field] == wanted)
}

#[tokio::test]
async fn a_fleet_that_runs_is_healthy_a_killed_one_is_silent_and_one_that_is_told_to_stop_leaves_no_trace() {
    let stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 5).await;
    let mut fleet = Fleet::start(&stage, &[]).await;
    let id = stage.submit(&order_of("WIDGET-01", 1)).await;
    stage.reaches(&id, "confirmed").await;
    eventually("the fleet is healthy", async || {
        let run = run(&fleet.address, &["status"], "").await;
        assert!(run.code == 0 || run.code == 1, "{run:?}");
        assert_eq!(run.code == 0, run.stdout.starts_with("healthy"), "{run:?}");
        (run.code == 0).then_some(())
    })
    .await;
    let now = eventually("every role has said that it runs", async || {
        let now = status(&stage).await;
        let instances = now["instances"].as_array().expect("instances");
        instances.iter().all(|instance| instance["state"] == "running").then_some(now)
    })
    .await;
    for role in ["order-api", "order-processor", "order-processor-replies", "scheduler", "dead-letter-handler"] {
        let instance = find(&now, "instances", "role", role).unwrap_or_else(|| panic!("no {role}: {now}"));
        assert_eq!((&instance["state"], &instance["silent"]), (&json!("running"), &json!(false)), "{instance}");
        assert!(instance["rss_bytes"].as_i64() > Some(1 << 20) && instance["cpu_seconds"].is_number(), "{instance}");
    }
    assert_eq!(now["scheduler"]["led"], true);
    assert!(now["scheduler"]["leader"].is_string() && !now["scheduler"]["jobs"].as_array().expect("jobs").is_empty());

    fleet.kill().await;
    // as if it were some time ago
    stage.database.execute("update instances set seen_at = seen_at - interval '1 minute'").await;
    let dead = status(&stage).await;
    assert_eq!(find(&dead, "instances", "role", "payment-service").expect("its row")["silent"], true);
    assert!(
        problems(&dead, "instances").iter().any(|problem| problem.starts_with("payment-service is silent")),
        "{dead}"
    );
    assert_eq!(dead["breakers"], json!([]), "nobody knows how they stand");
    let run = run(&stage.api.address, &["status"], "").await;
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.lines().next().is_some_and(|line| line.contains("problems: ")), "{run:?}");

    let mut again = Fleet::start(&stage, &[]).await;
    eventually("the new one has taken its place", async || {
        let now = status(&stage).await;
        problems(&now, "instances").is_empty().then_some(())
    })
    .await;
    assert_eq!(again.terminate().await.code(), Some(0));
    let left =
        stage.database.number("select count(*) from instances where seen_at > now() - interval '30 seconds'").await;
    assert_eq!(left, 0, "those of the killed one have been silent for longer");
    stage.finish().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_published_is_shown_with_its_reason_and_published_once_the_cause_is_mended() {
    let stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 5).await;
    stage.client.delete_queue(names::ORDER_PROCESSING).await;
    stage.submit(&order_of("WIDGET-01", 1)).await;
    let now = eventually("the message is parked", async || {
        let now = status(&stage).await;
        (now["outbox"]["parked_messages"] == 1).then_some(now)
    })
    .await;
    assert!(problems(&now, "queues").contains(&"order_processing is missing: run setup"), "{now}");
    assert!(
        problems(&now, "outbox")[0].starts_with("messages that cannot be published: 1, the first: unroutable"),
        "{now}"
    );
    let list = run(&stage.api.address, &["outbox", "list", "--json"], "").await;
    let parked = &list.json()["messages"][0];
    assert_eq!((&parked["kind"], &parked["exchange"]), (&json!("order.submitted"), &json!("orders")), "{parked}");
    let page = run(&stage.api.address, &["outbox", "list"], "").await;
    assert!(page.stdout.contains("unroutable: exchange 'orders'"), "{page:?}");
    assert!(!list.stdout.contains("ada@shop.example") && !page.stdout.contains("ada@shop.example"));

    stage.declare().await;
    let id = parked["id"].to_string();
    // the relay looks after parked messages by itself, too, so it may have been quicker
    let retry = run(&stage.api.address, &["outbox", "retry", &id], "").await;
    assert!(retry.code == 0 || retry.stdout.contains("not parked"), "{retry:?}");
    eventually("it is published", async || (stage.client.depth(names::ORDER_PROCESSING).await == 1).then_some(()))
        .await;
    let gone = run(&stage.api.address, &["outbox", "retry", &id], "").await;
    assert_eq!(gone.code, 1, "{gone:?}");
    assert!(gone.stdout.contains(&format!("{id}  not parked")), "{gone:?}");
    assert_eq!(run(&stage.api.address, &["outbox", "retry", "--all"], "").await.code, 0);
    stage.finish().await;
}

#[tokio::test]
async fn an_order_that_does_not_move_on_is_shown_with_what_it_waits_for_and_what_was_done() {
    let mut stage = Stage::set(Options { patience: (1, 600), ..Options::default() }).await;
    stage.start(&[Role::Processor, Role::Scheduler]).await;
    stage.stock("WIDGET-01", 5).await;
    let id = stage.submit(&order_of("WIDGET-01", 1)).await;
    let now = eventually("the order is shown as stuck", async || {
        let now = status(&stage).await;
        (now["stuck_orders"]["orders"] == 1).then_some(now)
    })
    .await;
    let stuck = &now["stuck_orders"]["oldest"][0];
    assert_eq!((&stuck["order_id"], &stuck["waits_for"]), (&json!(id), &json!("reserving_stock")), "{stuck}");
    assert_eq!(stuck["last_done"], "told the order-processor that the deadline has passed");
    assert!(stuck["since"].is_string() && stuck["waited_seconds"].as_f64() >= Some(1.0), "{stuck}");
    assert!(problems(&now, "stuck_orders")[0].contains(&id), "{now}");
    let waiting =
        problems(&now, "queues").into_iter().find(|problem| problem.contains("nobody consumes inventory_requests"));
    assert!(waiting.is_some(), "{now}");
    let page = run(&stage.api.address, &["status"], "").await;
    assert_eq!(page.code, 1);
    assert!(page.stdout.contains(&id) && page.stdout.contains("reserving_stock"), "{page:?}");
    stage.start(&[Role::Inventory]).await;
    stage.reaches(&id, "failed").await;
    let now = status(&stage).await;
    assert_eq!(problems(&now, "stuck_orders"), Vec::<&str>::new(), "settled orders are not stuck");
    stage.finish().await;
}

#[tokio::test]
async fn a_message_that_waited_long_tells_by_its_own_time_how_old_it_is() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 5).await;
    let mut order = order_of("WIDGET-01", 1);
    for (field, value) in
        [("id", json!(STRANGER)), ("status", json!("pending")), ("created_at", json!("2026-11-21T12:00:00Z"))]
    {
        order[field] = value;
    }
    let published = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970") - Duration::from_secs(300);
    let properties = identified(STRANGER).with_timestamp(published.as_secs());
    stage.client.publish("orders", "process", properties, order.to_string().as_bytes()).await;
    stage.start(&[Role::Processor, Role::Inventory, Role::Payment]).await;
    let now = eventually("the wait is shown", async || {
        let now = status(&stage).await;
        let queue = find(&now, "queues", "name", names::ORDER_PROCESSING).expect("the queue");
        queue["oldest_taken_seconds"].is_number().then_some(now)
    })
    .await;
    let queue = find(&now, "queues", "name", names::ORDER_PROCESSING).expect("the queue");
    let waited = queue["oldest_taken_seconds"].as_f64().expect("a number");
    assert!((300.0..360.0).contains(&waited), "{queue}");
    assert!(queue["taken_per_second"].as_f64() > Some(0.0), "{queue}");
    assert!(problems(&now, "queues").iter().any(|problem| problem.contains("5 min in order_processing")), "{now}");
    stage.reaches(STRANGER, "confirmed").await;
    stage.finish().await;
}

#[tokio::test]
async fn without_a_broker_or_without_a_database_the_rest_is_still_told() {
    let database = TestDatabase::create().await;
    let api = Api::start(database.pool.clone()).await;
    let (code, now) = answer(api.get("/api/v1/status")).await;
    assert_eq!(code, 200, "{now}");
    assert!(
        now["queues"]["error"].as_str().is_some_and(|error| error.contains("no connection to the broker")),
        "{now}"
    );
    assert_eq!((&now["outbox"]["messages"], &now["healthy"]), (&json!(0), &json!(false)));
    assert!(problems(&now, "queues")[0].ends_with("queues cannot be read"), "{now}");
    let page = run(&api.address, &["status"], "").await;
    assert_eq!(page.code, 1);
    assert!(page.stdout.contains("Queues: no connection to the broker"), "{page:?}");

    let stage = Stage::set(Options::default()).await;
    stage.database.go_away().await;
    let now = status(&stage).await;
    assert!(find(&now, "queues", "name", names::ANALYTICS).is_some());
    for part in [
        "outbox",
        "inbox",
        "stuck_orders",
        "scheduler",
        "dead_letters",
        "dead_letter_groups",
        "replays",
        "stopped",
        "instances",
        "breakers",
    ] {
        assert_eq!(now[part]["error"], "the database is not available at the moment", "{part}");
    }
    let told = problems(&now, "instances");
    assert!(told.len() == 1 && told[0].contains("outbox") && told[0].contains("scheduler"), "{told:?}");
    stage.database.come_back().await;
    stage.finish().await;
}

#[tokio::test]
async fn what_is_asked_wrongly_is_answered_with_every_fault() {
    let database = TestDatabase::create().await;
    let api = Api::start(database.pool.clone()).await;
    for request in [
        api.get("/api/v1/status?verbose=1"),
        api.get("/api/v1/outbox/parked?cursor=here"),
        api.get("/api/v1/outbox/parked?limit=0"),
        api.post("/api/v1/outbox/retries", &json!({"ids": ["7"]})),
        api.post("/api/v1/outbox/retries", &json!({"all": false})),
    ] {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let (code, problem) = crate::support::read(response).await;
        assert_eq!((code, &problem["type"]), (422, &json!("/problems/validation")), "{problem}");
    }
    let (code, retried) = answer(api.post("/api/v1/outbox/retries", &json!({"ids": [7]}))).await;
    assert_eq!((code, retried), (200, json!({"retried": 0, "not_parked": [7]})));
}
