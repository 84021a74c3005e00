//! A replay reaches the one consumer that failed, and what has come about another way meanwhile is not done again.

use order_fleet::store::dead_letters::State;
use serde_json::json;

use super::operating::{json, run};
use super::*;
use crate::support::{Options, Role, Stage, order_of};

const DELIVERIES: &str = "select count(*) from notification_deliveries where channel = ";

/// What each of the four that hear of an order has done so far.
async fn effects(stage: &Stage) -> [i64; 4] {
    let mut counts = [0; 4];
    for (count, channel) in counts.iter_mut().zip(["email", "sms", "push"]) {
        let sql = format!("{DELIVERIES} '{channel}'");
        *count = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&stage.database.pool).await.expect("counted");
    }
    counts[3] = stage.database.number("select count(*) from recorded_events").await;
    counts
}

async fn letter(stage: &Stage) -> Uuid {
    eventually("a dead letter is stored", async || {
        sqlx::query_scalar("select id from dead_letters").fetch_optional(&stage.database.pool).await.expect("looked up")
    })
    .await
}

#[tokio::test]
async fn one_failed_mail_is_replayed_and_sms_push_and_analytics_do_not_see_it_again() {
    let mut stage = Stage::set(Options::default()).await;
    let roles = [Role::Processor, Role::Inventory, Role::Payment, Role::Sms, Role::Push, Role::Analytics];
    stage.start(&roles).await;
    stage.start(&[Role::DeadLetters]).await;
    stage.stock("WIDGET-01", 10).await;
    let id = stage.submit(&order_of("WIDGET-01", 1)).await;
    stage.reaches(&id, "confirmed").await;
    // a consumer that cannot handle it, as a foreign client
    let refused = stage.client.refuse("email_notifications").await;
    let letter = letter(&stage).await;
    stage.settle().await;
    let before = effects(&stage).await;
    assert!(before[0] == 0 && before[2] > 0 && before[3] > 0, "{before:?}");
    let (sms, push) = (stage.sent("sms").len(), stage.sent("push").len());

    stage.start(&[Role::Email]).await;
    let replayed = run(&stage, &["replay", &letter.to_string()]).await;
    assert!(replayed.code == 0 && replayed.out.contains("completed: 1 applied of 1"), "{}", replayed.out);
    stage.settle().await;
    let mut expected = before;
    expected[0] = 1;
    assert_eq!(effects(&stage).await, expected);
    assert_eq!((stage.sent("mail").len(), stage.sent("sms").len(), stage.sent("push").len()), (1, sms, push));
    assert_eq!(stage.gateway.totals().charges, 1);
    // each inbox but that of the mails knows it from its own queue only
    let read =
        sqlx::query_scalar::<_, i64>("select count(*) from inbox where message_id = $1 and consumer = 'email-service'")
            .bind(refused.and_then(|id| Uuid::parse_str(&id).ok()))
            .fetch_one(&stage.database.pool)
            .await
            .expect("counted");
    assert_eq!(read, 1);
    stage.finish().await;
}

#[tokio::test]
async fn a_message_whose_order_was_confirmed_another_way_is_skipped_and_nobody_is_charged_or_told_twice() {
    let mut stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.start(&[Role::Analytics, Role::DeadLetters]).await;
    let order = json!({"id": Uuid::new_v4(), "customer_id": "c-1", "email": "ada@shop.example", "phone": "+4930123456",
        "items": [{"sku": "GADGET-09", "quantity": 1, "price": 19.99}], "total": 19.99, "status": "pending",
        "created_at": "2026-11-21T12:00:00Z"});
    stage.publish_order(order.to_string().as_bytes()).await;
    let letter = letter(&stage).await.to_string();
    let verdict = async || json(&run(&stage, &["show", &letter, "--json"]).await)["if_replayed_now"]["verdict"].clone();
    assert_eq!(verdict().await, "fail");
    // the product comes, and the partner sends the order once more, as a new message
    stage.stock("GADGET-09", 10).await;
    assert_eq!(verdict().await, "apply");
    stage.publish_order(order.to_string().as_bytes()).await;
    stage.reach(1, "confirmed").await;
    stage.settle().await;
    let before = effects(&stage).await;
    assert_eq!((before[0], stage.gateway.totals().charges), (1, 1));

    let shown = run(&stage, &["show", &letter]).await;
    assert!(shown.out.contains("would be skipped") && shown.out.contains("confirmed"), "{}", shown.out);
    let dry = run(&stage, &["replay", &letter, "--dry-run"]).await;
    assert!(dry.out.contains("would be skipped"), "{}", dry.out);
    let replayed = run(&stage, &["replay", &letter]).await;
    assert!(replayed.code == 1 && replayed.out.contains("completed: 1 skipped of 1"), "{}", replayed.out);
    stage.settle().await;
    assert_eq!(effects(&stage).await, before);
    assert_eq!((stage.gateway.totals().charges, stage.sent("mail").len()), (1, 1));
    assert_eq!(stage.shelf("GADGET-09").await, (9, 0));
    let state: String =
        sqlx::query_scalar("select state from dead_letters").fetch_one(&stage.database.pool).await.expect("the letter");
    assert_eq!(state, State::Resolved.as_str());
    stage.finish().await;
}
