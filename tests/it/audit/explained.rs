//! What looks unfinished and is no violation, what waiting mends, what the broker adds, and how the command ends.

use std::process::Stdio;
use std::time::Duration;

use lapin::BasicProperties;
use lapin::options::QueueDeleteOptions;
use order_fleet::ops::audit::Invariant::QueuesExplained;
use order_fleet::ops::audit::{Options, Report};
use serde_json::Value;
use sqlx::ConnectOptions;
use tokio::process::Command;

use super::shop::{CONFIRMED, at_once, audit, broken, plant, shop};
use crate::support::{TestBroker, TestDatabase};

const WAITING: &str = "
    insert into orders (id, customer_id, email, items, total, status, correlation_id, created_at, updated_at) values
        ('{other}', 'c', 'a@x.example', '[]', 0, 'pending', 'k', {then}, {then});
    insert into order_history (order_id, event, status) values ('{other}', 'accepted', 'pending');";

async fn clean_after(planted: &[&str]) -> Report {
    let database = shop().await;
    for sql in planted {
        plant(&database, sql).await;
    }
    let report = audit(&database, None, &at_once()).await;
    assert_eq!(broken(&report), []);
    report
}

#[tokio::test]
async fn an_order_in_the_outbox_is_waiting_and_a_parked_message_is_listed() {
    let in_outbox = r#"insert into outbox (message, parked, created_at)
        values ('{"kind": "order.submitted", "body": {"id": "{other}"}}', 'no queue', {then})"#;
    let report = clean_after(&[WAITING, in_outbox]).await;
    assert_eq!((report.explained.activity.waiting_orders, report.explained.parked_total), (1, 1));
    assert!(report.explained.parked[0].to_string().contains("parked: no queue"));
}

#[tokio::test]
async fn a_dead_letter_explains_what_it_kept_from_happening() {
    let letter = |queue: &str, order: &str| {
        format!(
            "insert into dead_letters (id, message_id, queue, exchange, routing_key, reason, error, order_id, headers, properties, deaths,
                 payload, first_failed_at, last_failed_at)
             values (gen_random_uuid(), gen_random_uuid(), '{queue}', '', '', 'refused', 'no', '{order}', '{{}}', '{{}}', '[]', '',
                 now(), now());"
        )
    };
    let unsent = "delete from notification_deliveries where order_id = '{confirmed}' and channel = 'email'";
    let uncounted = "delete from recorded_events where order_id = '{confirmed}' and routing_key = 'order.confirmed';
        update statistics set confirmed = 0, revenue = 0";
    let report = clean_after(&[
        WAITING,
        &letter("order_processing", "{other}"),
        unsent,
        &letter("email_notifications", "{confirmed}"),
        uncounted,
        &letter("analytics", "{confirmed}"),
    ])
    .await;
    let letters: Vec<(&str, i64)> =
        report.explained.dead_letters.iter().map(|letters| (letters.queue.as_str(), letters.number)).collect();
    assert_eq!(letters, [("analytics", 1), ("email_notifications", 1), ("order_processing", 1)]);
}

#[tokio::test]
async fn what_has_just_happened_may_have_its_effects_on_their_way() {
    let confirmed_now = "delete from notification_deliveries where order_id = '{confirmed}';
        update orders set updated_at = now() where id = '{confirmed}'";
    clean_after(&[confirmed_now]).await;
}

#[tokio::test]
async fn orders_before_the_given_time_are_not_judged() {
    let database = shop().await;
    plant(&database, "delete from payments").await;
    let mut options = at_once();
    assert!(!audit(&database, None, &options).await.clean);
    options.since = Some(time::OffsetDateTime::now_utc() - Duration::from_secs(60));
    let report = audit(&database, None, &options).await;
    assert_eq!(broken(&report), []);
    assert_eq!(report.orders, 0);
}

#[tokio::test]
async fn waiting_mends_what_was_still_on_its_way() {
    let database = shop().await;
    plant(&database, "create table late as select * from recorded_events; delete from recorded_events").await;
    let options = Options { settle: Some(Duration::from_secs(30)), ..at_once() };
    let arriving = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        plant(&database, "insert into recorded_events select * from late").await;
    };
    let (report, ()) = tokio::join!(audit(&database, None, &options), arriving);
    assert_eq!(broken(&report), []);
    let settled = report.settled.expect("waited");
    assert!(settled.quiet && settled.waited_seconds > 1.0, "{settled:?}");
}

#[tokio::test]
async fn a_queue_that_is_missing_or_holds_what_no_order_explains_is_reported() {
    let (database, server) = (shop().await, TestBroker::create().await);
    let broker = server.broker("audit");
    assert_eq!(broken(&audit(&database, Some(&broker), &at_once()).await), []);
    server.publish("dlx", "failed", BasicProperties::default(), b"?").await;
    server.publish("", "payment_requests_retry_2", BasicProperties::default(), b"?").await;
    server.publish("", "payment_requests", BasicProperties::default(), b"?").await;
    server.wait_for_depth("payment_requests", 2).await;
    server.client.channel.queue_delete("analytics".into(), QueueDeleteOptions::default()).await.expect("deleted");
    server.wait_for_depth("dead_letters", 1).await;
    let report = audit(&database, Some(&broker), &at_once()).await;
    let broken = broken(&report);
    assert_eq!(broken.len(), 1, "{broken:#?}");
    assert_eq!(broken[0].0, QueuesExplained);
    let lines = broken[0].1.join("\n");
    for words in ["1 messages wait in dead_letters", "2 messages wait in payment_requests,", "analytics does not exist"]
    {
        assert!(lines.contains(words), "{words} in {lines}");
    }
}

#[tokio::test]
async fn a_message_in_its_queue_explains_one_missing_effect_and_not_two() {
    let (database, server) = (shop().await, TestBroker::create().await);
    let broker = server.broker("audit");
    plant(&database, "delete from notification_deliveries where channel = 'email' and order_id = '{confirmed}'").await;
    server.publish("", "email_notifications", BasicProperties::default(), b"{}").await;
    server.wait_for_depth("email_notifications", 1).await;
    let report = audit(&database, Some(&broker), &at_once()).await;
    assert_eq!(broken(&report), []);
    assert_eq!(report.explained.in_flight.len(), 1);
    plant(&database, "delete from notification_deliveries where channel = 'email'").await;
    assert_eq!(audit(&database, Some(&broker), &at_once()).await.total(), 2);
}

async fn command(database: &TestDatabase, arguments: &[&str]) -> (Option<i32>, String) {
    let url = database.pool.connect_options().to_url_lossy().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_orders"))
        .arg("audit")
        .args(arguments)
        .env_remove("AMQP_URL")
        .env("DATABASE_URL", url)
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the binary runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("UTF-8"))
}

#[tokio::test]
async fn the_command_exits_0_when_clean_1_with_violations_2_on_wrong_flags_3_without_a_server() {
    let database = shop().await;
    let (code, page) = command(&database, &["--no-broker"]).await;
    assert_eq!(code, Some(0), "{page}");
    assert!(page.starts_with("clean: 2 orders") && page.contains("not judged"), "{page}");

    plant(&database, "delete from notification_deliveries").await;
    let (code, page) = command(&database, &["--no-broker", "--limit", "1"]).await;
    assert_eq!(code, Some(1), "{page}");
    assert!(page.contains("4 violations") && page.contains("and 3 more"), "{page}");
    let (code, json) = command(&database, &["--no-broker", "--json"]).await;
    assert_eq!(code, Some(1), "{json}");
    let report: Value = serde_json::from_str(&json).expect("one document");
    let found = report["invariants"].as_array().expect("a list").iter().find(|law| law["total"] == 4).expect("one law");
    assert_eq!((&found["invariant"], &report["clean"]), (&"notifications_once".into(), &false.into()));
    assert_eq!(found["violations"][0]["order_id"], CONFIRMED.to_string());

    assert_eq!(command(&database, &[]).await.0, Some(2));
    assert_eq!(command(&database, &["--no-broker", "--since", "soon"]).await.0, Some(2));
    // port 1 is tcpmux: nobody listens there
    let away = command(&database, &["--no-broker", "--database-url", "postgres://a:secret@127.0.0.1:1/x"]).await;
    assert_eq!(away.0, Some(3), "{}", away.1);
    assert!(!away.1.contains("secret"));
    assert_eq!(command(&database, &["--amqp-url", "amqp://a:b@127.0.0.1:1/%2f"]).await.0, Some(3));
}
