//! A queue is drained into the dead-letter store and given back, by command and over HTTP; and what else an operator stops over HTTP.

use order_fleet::store::dead_letters::{Filter, get, list};
use serde_json::{Value, json};

use super::operating::run;
use crate::support::amqp::identified;
use crate::support::{Options, Role, STRANGER, Stage, answer, eventually, order_of};

const QUEUE: &str = "payment_requests";
const WHY: &str = "the gateway charges twice";

async fn waits(stage: &Stage, messages: u32) {
    eventually(&format!("{messages} messages wait in {QUEUE}"), async || {
        (stage.client.depth(QUEUE).await == messages).then_some(())
    })
    .await;
}

/// Orders whose payments wait, on a fleet without a payment-service.
async fn with_payments_waiting(orders: u32) -> (Stage, Vec<String>) {
    // one message each: the test counts them
    let mut stage = Stage::set(Options { bundle: 1, ..Options::default() }).await;
    stage.stock("WIDGET-01", 100).await;
    stage.start(&[Role::Inventory, Role::Processor]).await;
    let mut ids = Vec::new();
    for _ in 0..orders {
        ids.push(stage.submit(&order_of("WIDGET-01", 1)).await);
    }
    waits(&stage, orders).await;
    (stage, ids)
}

async fn audited(stage: &Stage) -> Vec<String> {
    sqlx::query_scalar(
        "select concat_ws(' ', action, target, reason, after ->> 'letters') from audit_log
         where action ~ '^(queue|consumer|order)[.]' order by position",
    )
    .fetch_all(&stage.database.pool)
    .await
    .expect("the log")
}

#[tokio::test]
async fn a_drained_queue_is_empty_and_everything_in_it_is_replayed_later() {
    let (mut stage, ids) = with_payments_waiting(5).await;
    let count = run(&stage, &["drain", QUEUE, "--why", WHY, "--dry-run"]).await;
    assert_eq!(
        (count.code, count.out.trim()),
        (0, "waiting in payment_requests: 5 (a bundle of messages counts as one)")
    );
    assert_eq!(run(&stage, &["drain", QUEUE, "--why", WHY]).await.code, 2, "nobody is there to be asked");
    waits(&stage, 5).await;
    let drained = run(&stage, &["drain", QUEUE, "--why", WHY, "--yes", "--json", "--operator", "anna"]).await;
    assert_eq!(drained.code, 0, "{}", drained.out);
    let report: Value = serde_json::from_str(&drained.out).expect("JSON");
    assert_eq!(report, json!({"queue": QUEUE, "letters": 5, "left": 0}));
    assert_eq!(stage.client.depth(QUEUE).await, 0);
    assert_eq!(audited(&stage).await, [format!("queue.drain queue:{QUEUE} {WHY} 5")]);

    let mut db = stage.database.pool.acquire().await.expect("a connection");
    let letters = list(&mut db, &Filter::default(), None, 100).await.expect("the list");
    drop(db);
    assert_eq!(letters.len(), 5);
    for letter in &letters {
        let told = (letter.queue.as_str(), letter.reason.as_str(), letter.state.as_str(), letter.kind.as_deref());
        assert_eq!(told, (QUEUE, "drained", "unresolved", Some("payment.take")));
        assert_eq!(letter.error, format!("taken out of {QUEUE}: {WHY}"));
        assert!(letter.group_id.is_some() && letter.group_id == letters[0].group_id, "one group");
        assert!(ids.contains(&letter.order_id.expect("an order").to_string()));
    }
    assert_eq!(stage.database.number("select count(*) from dead_letter_deaths").await, 5);

    stage.start(&[Role::Payment]).await;
    let replayed = run(&stage, &["replay", "--all", "--reason", "drained", "--yes"]).await;
    assert!(replayed.code == 0 && replayed.out.contains("5 applied of 5"), "{}", replayed.out);
    stage.reach(5, "confirmed").await;
    stage.finish().await;
}

#[tokio::test]
async fn the_members_of_a_bundle_are_letters_of_their_own_and_a_rungs_letters_are_its_queues() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 100).await;
    let count = 20;
    for _ in 0..count {
        stage.submit(&order_of("WIDGET-01", 1)).await;
    }
    stage.start(&[Role::Inventory, Role::Processor]).await;
    eventually("every payment is drained", async || {
        let drained = run(&stage, &["drain", QUEUE, "--why", WHY, "--yes"]).await;
        assert_eq!(drained.code, 0, "{}", drained.out);
        let orders = "select count(distinct order_id) from dead_letters where state = 'unresolved'";
        (stage.database.number(orders).await == count).then_some(())
    })
    .await;
    assert_eq!(stage.database.number("select count(*) from dead_letters").await, count);
    // one that waits for its second attempt
    let body = json!({"type": "payment.cancel", "order_id": STRANGER});
    let headers = super::message(
        "7d3b2a4e-0c5f-4e0a-9c55-0a6f1b1c2d77",
        &[("fleet-origin-exchange", ""), ("fleet-origin-routing-key", QUEUE), ("fleet-error", "away")],
    );
    // too long a rung to wait for
    stage.client.delete_queue("payment_requests_retry_2").await;
    stage.client.declare_queue("payment_requests_retry_2", Default::default()).await;
    stage.client.publish_json("", "payment_requests_retry_2", headers, &body).await;
    let drained = run(&stage, &["drain", "payment_requests_retry_2", "--why", WHY, "--yes"]).await;
    assert!(drained.out.contains("stored: 1;"), "{}", drained.out);
    let of_queue = stage.database.number("select count(*) from dead_letters where queue = 'payment_requests'").await;
    assert_eq!(of_queue, count + 1);
    stage.start(&[Role::Payment]).await;
    assert_eq!(run(&stage, &["replay", "--all", "--yes"]).await.code, 0);
    stage.reach(count, "confirmed").await;
    stage.finish().await;
}

#[tokio::test]
async fn nothing_leaves_the_queue_that_cannot_be_stored() {
    let (mut stage, _) = with_payments_waiting(3).await;
    for refused in ["dead_letters", "unreadable_letters", "payments"] {
        assert_eq!(run(&stage, &["drain", refused, "--why", WHY, "--yes"]).await.code, 2, "{refused}");
    }
    stage.database.execute("alter table dead_letters add constraint full_disk check (reason <> 'drained')").await;
    assert_eq!(run(&stage, &["drain", QUEUE, "--why", WHY, "--yes"]).await.code, 1);
    waits(&stage, 3).await;
    assert_eq!(audited(&stage).await, Vec::<String>::new());
    stage.database.execute("alter table dead_letters drop constraint full_disk").await;
    stage.start(&[Role::Payment]).await;
    stage.reach(3, "confirmed").await;
    stage.finish().await;
}

#[tokio::test]
async fn a_message_that_was_stored_and_is_in_its_queue_all_the_same_has_its_effects_once() {
    let (mut stage, ids) = with_payments_waiting(1).await;
    assert_eq!(run(&stage, &["drain", QUEUE, "--why", WHY, "--yes"]).await.code, 0);
    let mut db = stage.database.pool.acquire().await.expect("a connection");
    let letters = list(&mut db, &Filter::default(), None, 100).await.expect("the list");
    let letter = get(&mut db, letters[0].id).await.expect("the row").expect("is there");
    drop(db);
    // as when the process died between storing and acknowledging
    let properties = identified(&letter.summary.message_id.to_string()).with_reply_to("order_replies".into());
    stage.client.publish("", QUEUE, properties, &letter.payload).await;
    stage.start(&[Role::Payment]).await;
    stage.reaches(&ids[0], "confirmed").await;
    let replayed = run(&stage, &["replay", "--all", "--yes"]).await;
    assert!(replayed.out.contains("1 skipped of 1"), "{}", replayed.out);
    assert_eq!(stage.gateway.totals().charges, 1);
    stage.finish().await;
}

#[tokio::test]
async fn over_http_a_consumer_is_paused_its_queue_drained_and_an_order_held() {
    let (mut stage, ids) = with_payments_waiting(2).await;
    let because = json!({"reason": WHY});
    let ask = async |path: &str, body: &Value| answer(stage.api.post(&format!("/api/v1/{path}"), body)).await;
    let pause = format!("consumers/{QUEUE}/pause");
    assert_eq!(ask(&pause, &because).await, (200, json!({"queue": QUEUE, "paused": true})));
    let order = &ids[0];
    let held = ask(&format!("orders/{order}/hold"), &because).await;
    assert_eq!(held, (200, json!({"order_id": order, "held": true})));
    let (_, list) = answer(stage.api.get("/api/v1/stopped")).await;
    let told: Vec<_> =
        list["stopped"].as_array().expect("a list").iter().map(|one| (&one["kind"], &one["what"])).collect();
    assert_eq!(told, [(&json!("consumer"), &json!(QUEUE)), (&json!("order"), &json!(order))]);
    assert_eq!(list["stopped"][0]["reason"], WHY);

    let drain = format!("queues/{QUEUE}/drain");
    let (status, count) = ask(&drain, &json!({"reason": WHY, "dry_run": true})).await;
    assert_eq!((status, &count["letters"], &count["left"]), (200, &json!(0), &json!(2)), "{count}");
    let (status, drained) = ask(&drain, &because).await;
    assert_eq!((status, drained), (200, json!({"queue": QUEUE, "letters": 2, "left": 0, "complete": true})));

    let resume = format!("consumers/{QUEUE}/resume");
    assert_eq!(ask(&resume, &because).await, (200, json!({"queue": QUEUE, "paused": false})));
    assert_eq!(ask(&resume, &because).await.0, 409);
    assert_eq!(ask(&format!("orders/{order}/release"), &because).await.0, 200);
    assert_eq!(ask(&format!("orders/{order}/release"), &because).await.0, 409);
    for (path, body, status) in [
        ("queues/dead_letters/drain", &because, 404),
        ("consumers/payments/pause", &because, 404),
        (&*pause, &json!({}), 422),
        (&*pause, &json!({"reason": " "}), 422),
        (&*drain, &json!({"reason": WHY, "dry_run": "yes"}), 422),
        (&*drain, &json!({"reason": WHY, "all": true}), 422),
    ] {
        assert_eq!(ask(path, body).await.0, status, "{path} {body}");
    }
    let expected = [
        format!("consumer.pause queue:{QUEUE} {WHY}"),
        format!("order.hold order:{order} {WHY}"),
        format!("queue.drain queue:{QUEUE} {WHY} 2"),
        format!("consumer.resume queue:{QUEUE} {WHY}"),
        format!("order.release order:{order} {WHY}"),
    ];
    assert_eq!(audited(&stage).await, expected);
    stage.start(&[Role::Payment]).await;
    assert_eq!(run(&stage, &["replay", "--all", "--yes"]).await.code, 0);
    stage.reach(2, "confirmed").await;
    stage.finish().await;
}
