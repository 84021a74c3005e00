//! Every step fails, and is repaired by the operator's replay or undone by the deadline.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{SAGA, books};
use crate::support::amqp::{Found, identified};
use crate::support::{Options, Role, Stage, eventually, order_of, paid_with};

/// The queues that a saga goes through, each with the role that empties it, and the orders that pass there.
const STEPS: [(&str, Role); 4] = [
    ("order_processing", Role::Processor),
    ("inventory_requests", Role::Inventory),
    ("payment_requests", Role::Payment),
    ("order_replies", Role::Processor),
];

/// As the dead-letter-handler gives it back: the same message, on the queue where it failed.
async fn replay(stage: &Stage, dead: &Found, queue: &str) {
    let id = dead.message_id().expect("an id");
    let mut properties = identified(&id);
    for (from, set) in [(dead.properties.reply_to(), true), (dead.properties.correlation_id(), false)] {
        if let Some(text) = from.clone() {
            properties = if set { properties.with_reply_to(text) } else { properties.with_correlation_id(text) };
        }
    }
    stage.client.publish("", queue, properties, &dead.body).await;
}

/// Makes the database refuse whatever a role writes, and nothing else.
async fn refuse(stage: &Stage, role: Role, refuse: bool) {
    let table = match role {
        Role::Inventory => "reservations",
        Role::Payment => "payments",
        Role::Processor => "order_history",
        Role::Relay
        | Role::Email
        | Role::Sms
        | Role::Push
        | Role::Analytics
        | Role::Webhooks
        | Role::DeadLetters
        | Role::Scheduler => unreachable!("no step of the saga"),
    };
    let sql = match refuse {
        true => format!("alter table {table} add constraint refused check (false) not valid"),
        false => format!("alter table {table} drop constraint refused"),
    };
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&stage.database.pool).await.expect("altered");
}

#[tokio::test]
async fn a_step_that_fails_until_it_is_dead_lettered_goes_on_after_its_replay() {
    let mut reference = None;
    for (queue, role) in STEPS {
        let mut stage = Stage::set(Options { delays: [50, 50, 50], bundle: 1, ..Options::default() }).await;
        stage.stock("WIDGET-01", 10).await;
        let orders = [stage.submit(&order_of("WIDGET-01", 1)).await, stage.submit(&paid_with("tok_declined")).await];
        // everybody who stands before the step
        let before: Vec<Role> = match queue {
            "order_processing" => vec![],
            "inventory_requests" => vec![Role::Processor],
            "payment_requests" => vec![Role::Processor, Role::Inventory],
            _ => vec![Role::Inventory],
        };
        if queue == "order_replies" {
            stage.start(&[Role::Processor]).await;
            eventually("both are asked for", async || {
                (stage.client.depth("inventory_requests").await == 2).then_some(())
            })
            .await;
            stage.stop(Role::Processor).await;
        }
        stage.start(&before).await;
        eventually(&format!("both wait in {queue}"), async || (stage.client.depth(queue).await == 2).then_some(()))
            .await;
        refuse(&stage, role, true).await;
        if !before.contains(&role) {
            stage.start(&[role]).await;
        }
        let dead = [stage.dead_letter().await, stage.dead_letter().await];
        for letter in &dead {
            assert_eq!(letter.header("fleet-reason").as_deref(), Some("attempts_exhausted"), "{queue}");
            assert_eq!(letter.header("fleet-origin-queue").as_deref(), Some(queue));
        }
        refuse(&stage, role, false).await;
        let missing: Vec<Role> = SAGA
            .into_iter()
            .filter(|one| *one != role && !before.contains(one))
            .chain([Role::Email, Role::Push])
            .collect();
        stage.start(&missing).await;
        for letter in &dead {
            replay(&stage, letter, queue).await;
        }
        stage.reaches(&orders[0], "confirmed").await;
        stage.reaches(&orders[1], "failed").await;
        stage.settle().await;
        // the ids differ from run to run; everything else is the same, wherever it had failed
        let told = without_ids(&books(&stage).await, &orders);
        assert_eq!(reference.get_or_insert_with(|| told.clone()), &told, "{queue}");
        assert_eq!(books(&stage).await["gateway"], json!([1, 0]));
        stage.start(&[Role::Sms]).await;
        stage.finish().await;
    }
}

fn without_ids(books: &Value, orders: &[String]) -> BTreeSet<String> {
    let mut text = books.to_string();
    for (number, order) in orders.iter().enumerate() {
        text = text.replace(order.as_str(), &format!("order {number}"));
    }
    let books: Value = serde_json::from_str(&text).expect("JSON");
    let parts = books.as_object().expect("parts");
    parts
        .iter()
        .flat_map(|(part, rows)| rows.as_array().into_iter().flatten().map(move |row| format!("{part} {row}")))
        .collect()
}

#[tokio::test]
async fn a_request_or_an_answer_that_is_refused_is_dead_lettered_and_touches_nobody() {
    let mut stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 10).await;
    let order = stage.submit(&order_of("WIDGET-01", 1)).await;
    stage.reaches(&order, "confirmed").await;
    stage.settle().await;
    let before = books(&stage).await;
    // a sale for an order that holds nothing, and an answer about an order that nobody knows
    for (queue, kind) in [("inventory_requests", "stock.commit"), ("order_replies", "stock.reserved")] {
        let stray = json!({"type": kind, "order_id": Uuid::new_v4()});
        stage.client.publish_json("", queue, identified(&Uuid::new_v4().to_string()), &stray).await;
        assert_eq!(stage.dead_letter().await.header("fleet-reason").as_deref(), Some("refused"), "{queue}");
    }
    stage.settle().await;
    assert_eq!(books(&stage).await, before);
    stage.finish().await;
}
