//! What the status tells an operator who works: how old what waits is, causes and replays, what is stopped, what blocks an order.

use order_fleet::topology::names;
use serde_json::{Value, json};

use super::{find, problems, status};
use crate::cli::runner::run;
use crate::support::{Options, Role, Stage, answer, eventually, order_of};

#[tokio::test]
async fn a_message_that_nobody_takes_is_shown_with_its_age_whatever_the_type_of_its_queue() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 5).await;
    stage.start(&[Role::Processor, Role::Inventory, Role::Scheduler]).await;
    let id = stage.submit(&order_of("WIDGET-01", 1)).await;
    let queue = |now: &Value| find(now, "queues", "name", names::PAYMENT_REQUESTS).expect("the queue").clone();
    let aged = async |step: &str, at_least: f64| {
        eventually(step, async || {
            let now = status(&stage).await;
            (queue(&now)["untaken_seconds"].as_f64() >= Some(at_least)).then_some(now)
        })
        .await
    };
    aged("the age is known, and grows", 1.0).await;
    stage.database.execute("update queue_ages set since = since - interval '5 minutes'").await;
    let now = aged("it is remembered from look to look", 300.0).await;
    let told =
        problems(&now, "queues").into_iter().find(|problem| problem.contains("nobody consumes payment_requests"));
    assert!(told.is_some_and(|told| told.ends_with("waiting: 1 message, the oldest for 5 min or more")), "{now}");
    assert_eq!(queue(&now)["oldest_taken_seconds"], Value::Null);
    let empty = find(&now, "queues", "name", names::EMAIL_NOTIFICATIONS).expect("the queue");
    assert!(empty["untaken_seconds"].is_null(), "{empty}");
    stage.start(&[Role::Payment]).await;
    stage.reaches(&id, "confirmed").await;
    eventually("what is taken has no age any more", async || {
        queue(&status(&stage).await)["untaken_seconds"].is_null().then_some(())
    })
    .await;
    stage.finish().await;
}

#[tokio::test]
async fn causes_of_dead_letters_replays_and_what_is_stopped_are_shown() {
    let mut stage = Stage::set(Options::default()).await;
    stage.start(&[Role::Processor, Role::DeadLetters]).await;
    for (count, body) in [(3, "{}"), (2, "nonsense")] {
        for _ in 0..count {
            stage.publish_order(body.as_bytes()).await;
        }
    }
    let because = json!({"reason": "the warehouse burns"});
    assert_eq!(answer(stage.api.post("/api/v1/consumers/inventory_requests/pause", &because)).await.0, 200);
    stage
        .database
        .execute(
            "insert into replay_operations (id, operator, selection, rate, failure_limit, watched, state, state_reason, total,
                 applied, sent)
             values ('0199c1d2-7a40-7c1e-9d43-0c2f5a1be201', 'operator:anna', 'all', 500, 0.05, true, 'paused', 'by eve', 10, 4, 1)",
        )
        .await;
    let now = eventually("all causes are known", async || {
        let now = status(&stage).await;
        let letters: i64 = now["dead_letter_groups"]["largest"]
            .as_array()
            .expect("groups")
            .iter()
            .filter_map(|group| group["letters"].as_i64())
            .sum();
        (letters == 5).then_some(now)
    })
    .await;
    let groups = &now["dead_letter_groups"];
    assert_eq!((&groups["groups"], &groups["largest"][0]["letters"]), (&json!(2), &json!(3)), "{groups}");
    let first = &groups["largest"][0];
    assert_eq!(
        (&first["queue"], &first["state"], &first["last_hour"]),
        (&json!("order_processing"), &json!("open"), &json!(3))
    );
    let replay = &now["replays"][0];
    assert_eq!(
        (&replay["state"], &replay["ended"], &replay["total"]),
        (&json!("paused"), &json!(4), &json!(10)),
        "{replay}"
    );
    assert!(problems(&now, "replays")[0].starts_with("a replay of 10 messages is paused: by eve"), "{now}");
    let stopped = &now["stopped"][0];
    assert_eq!((&stopped["kind"], &stopped["what"]), (&json!("consumer"), &json!("inventory_requests")), "{stopped}");
    let page = run(&stage.api.address, &["status"], "").await;
    for shown in ["the warehouse burns", "Causes of dead letters  2", "[########............]", "4 of 10"] {
        assert!(page.stdout.contains(shown), "{shown}: {page:?}");
    }
    stage.finish().await;
}

#[tokio::test]
async fn a_stuck_order_says_what_blocks_it_and_where_it_stands_now() {
    let mut stage = Stage::set(Options { patience: (300, 1), ..Options::default() }).await;
    stage.start(&[Role::Processor, Role::Inventory, Role::Scheduler]).await;
    stage.stock("WIDGET-01", 5).await;
    let id = stage.submit(&order_of("WIDGET-01", 1)).await;
    let stuck = async |step: &str, wanted: &dyn Fn(&Value) -> bool| {
        eventually(step, async || {
            let stuck = status(&stage).await["stuck_orders"]["oldest"][0].clone();
            wanted(&stuck).then_some(stuck)
        })
        .await
    };
    // the payment is overdue, so it is being cancelled: that is what the order waits for now
    stuck("the present step is told", &|stuck| stuck["waits_for"] == "cancelling_payment").await;
    assert_eq!(
        answer(stage.api.post(&format!("/api/v1/orders/{id}/hold"), &json!({"reason": "fraud check"}))).await.0,
        200
    );
    let stuck = stuck("the hold is told", &|stuck| stuck["blocked_by"].is_string()).await;
    assert!(stuck["blocked_by"].as_str().is_some_and(|by| by.starts_with("held by ") && by.ends_with(": fraud check")));
    assert_eq!(
        answer(stage.api.post(&format!("/api/v1/orders/{id}/release"), &json!({"reason": "cleared"}))).await.0,
        200
    );
    stage.start(&[Role::Payment]).await;
    stage.reaches(&id, "failed").await;
    stage.finish().await;
}
