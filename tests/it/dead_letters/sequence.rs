//! Where customers read the messages of an order, none overtakes an earlier one that is dead; and an operator can hold an order, and
//! stop a consumer.

use order_fleet::store::dead_letters::State;
use serde_json::json;

use super::operating::run;
use crate::support::amqp::identified;
use crate::support::{Options, Role, Stage, eventually, order_of};

fn mail(order: &str, kind: &str, email: &str) -> serde_json::Value {
    json!({"type": kind, "order_id": order, "email": email, "customer_id": "c-1", "items": [], "total": "1.00",
        "carrier": "DHL", "tracking_number": "1"})
}

async fn told(stage: &Stage) -> Vec<String> {
    sqlx::query_scalar("select kind from notification_deliveries where channel = 'email' order by at")
        .fetch_all(&stage.database.pool)
        .await
        .expect("deliveries")
}

async fn letters(stage: &Stage, state: State, count: i64) {
    let of_state = format!("select count(*) from dead_letters where state = '{state}'");
    eventually(&format!("{count} letters are {state}"), async || {
        let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(of_state.clone()))
            .fetch_one(&stage.database.pool)
            .await
            .expect("counted");
        (found == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_dead_mail_parks_the_later_ones_of_its_order_and_its_replay_releases_them_in_sequence() {
    let mut stage = Stage::set(Options::default()).await;
    stage.start(&[Role::Email, Role::DeadLetters]).await;
    let (order, other) = (uuid::Uuid::new_v4().to_string(), uuid::Uuid::new_v4().to_string());
    let id = uuid::Uuid::new_v4().to_string();
    let publish = async |id: &str, body: serde_json::Value| {
        stage.client.publish_json("", "email_notifications", identified(id), &body).await;
    };
    // no address: unreadable, and dead at once
    publish(&id, mail(&order, "order_confirmation", "nobody")).await;
    letters(&stage, State::Unresolved, 1).await;
    publish(&uuid::Uuid::new_v4().to_string(), mail(&order, "order_cancelled", "ada@shop.example")).await;
    letters(&stage, State::Parked, 1).await;
    publish(&uuid::Uuid::new_v4().to_string(), mail(&order, "order_refunded", "ada@shop.example")).await;
    letters(&stage, State::Parked, 2).await;
    publish(&uuid::Uuid::new_v4().to_string(), mail(&other, "order_failed", "bob@shop.example")).await;
    eventually("another order is not concerned", async || (told(&stage).await == ["order_failed"]).then_some(())).await;

    let command = async |arguments: &[&str]| {
        let answer = run(&stage, arguments).await;
        assert_eq!(answer.code, 0, "{}", answer.out);
        answer.out
    };
    command(&["edit", "--all", "--set", "email=ada@shop.example", "--why", "asked", "--yes"]).await;
    let replayed = command(&["replay", "--all", "--yes"]).await;
    assert!(replayed.contains("1 applied of 1"), "{replayed}");
    eventually("the others follow", async || (told(&stage).await.len() == 4).then_some(())).await;
    assert_eq!(told(&stage).await, ["order_failed", "order_confirmation", "order_cancelled", "order_refunded"]);
    letters(&stage, State::Resolved, 3).await;
    stage.finish().await;
}

#[tokio::test]
async fn a_held_order_waits_and_goes_on_when_it_is_released() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 100).await;
    let id = stage.submit(&order_of("WIDGET-01", 2)).await;
    assert_eq!(run(&stage, &["hold", &id, "--why", "fraud check", "--operator", "anna"]).await.code, 0);
    stage.start(&[Role::DeadLetters, Role::Inventory, Role::Payment, Role::Email, Role::Processor]).await;
    letters(&stage, State::Parked, 1).await;
    let stopped = run(&stage, &["stopped"]).await;
    assert!(stopped.out.contains(&id) && stopped.out.contains("fraud check"), "{}", stopped.out);
    // others pass by
    let other = stage.submit(&order_of("WIDGET-01", 1)).await;
    stage.reaches(&other, "confirmed").await;
    assert_eq!(run(&stage, &["release", &id, "--why", "cleared"]).await.code, 0);
    stage.reaches(&id, "confirmed").await;
    assert_eq!(run(&stage, &["release", &id, "--why", "cleared"]).await.code, 1);
    stage.finish().await;
}

#[tokio::test]
async fn a_paused_consumer_takes_nothing_until_it_is_resumed() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 100).await;
    stage.start(&[Role::Inventory, Role::Payment, Role::Processor]).await;
    assert_eq!(run(&stage, &["pause", "payments", "--why", "x"]).await.code, 2, "there is no such queue");
    assert_eq!(run(&stage, &["pause", "payment_requests", "--why", "the bank called"]).await.code, 0);
    eventually("nobody consumes", async || (stage.client.consumers("payment_requests").await == 0).then_some(())).await;
    let id = stage.submit(&order_of("WIDGET-01", 2)).await;
    eventually("it waits in the queue", async || (stage.client.depth("payment_requests").await == 1).then_some(()))
        .await;
    assert_eq!(run(&stage, &["resume", "payment_requests", "--why", "the bank says sorry"]).await.code, 0);
    stage.reaches(&id, "confirmed").await;
    let log: Vec<String> = sqlx::query_scalar(
        "select action || ' ' || target from audit_log where action like 'consumer.%' order by position",
    )
    .fetch_all(&stage.database.pool)
    .await
    .expect("the log");
    assert_eq!(log, ["consumer.pause queue:payment_requests", "consumer.resume queue:payment_requests"]);
    stage.finish().await;
}
