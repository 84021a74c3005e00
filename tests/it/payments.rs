//! Payments that are decided later, and money that is given back, through the whole fleet on a real broker: whatever comes when, an
//! order ends with its stock and its money, or with neither, and the audit finds nothing.

use std::time::Duration;

use futures_util::future::join_all;
use order_fleet::ops::audit;
use serde_json::{Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::support::amqp::identified;
use crate::support::payment_webhook::Webhook;
use crate::support::{Options, Role, Stage, answer, eventually, paid_with};

async fn stage(options: Options) -> Stage {
    let mut stage = Stage::of_the_whole_fleet(options).await;
    stage.start(&[Role::Analytics]).await;
    stage.stock("WIDGET-01", 500).await;
    stage
}

/// The audit's lines; none is as it should be. Everything must have come to rest.
async fn audited(stage: &mut Stage) -> Vec<String> {
    stage.settle().await;
    let options = audit::Options {
        since: None,
        settle: None,
        grace: Duration::ZERO,
        patience: Duration::from_secs(3600),
        statement_timeout: Duration::from_secs(30),
        limit: 20,
    };
    let broker = stage.host.broker("audit");
    let report = audit::run(&stage.database.pool.connect_options(), Some(&broker), &options).await.expect("audited");
    report.invariants.iter().flat_map(|verdict| verdict.violations.iter().map(ToString::to_string)).collect()
}

async fn payment(stage: &Stage, id: &str) -> Value {
    answer(stage.api.get(&format!("/api/v1/orders/{id}/payment"))).await.1
}

async fn refund(stage: &Stage, id: &str) -> (u16, Value) {
    let (path, wish) = (format!("/api/v1/orders/{id}/refund"), json!({"reason": "arrived broken"}));
    eventually("the refund is answered", async || {
        let answered = answer(stage.api.post(&path, &wish)).await;
        (answered.0 != 503).then_some(answered)
    })
    .await
}

fn events(order: &Value) -> Vec<&str> {
    order["timeline"].as_array().expect("a timeline").iter().filter_map(|entry| entry["event"].as_str()).collect()
}

#[tokio::test]
async fn a_payment_that_is_pending_confirms_its_order_when_the_gateway_tells() {
    let mut stage = stage(Options::default()).await;
    let id = stage.submit(&paid_with("tok_pending")).await;
    let order = stage.reaches(&id, "confirmed").await;
    assert_eq!(events(&order), ["accepted", "submitted", "stock_reserved", "payment_taken"]);
    let payment = payment(&stage, &id).await;
    let calls: Vec<_> =
        payment["attempts"].as_array().expect("attempts").iter().map(|a| (&a["call"], &a["outcome"])).collect();
    assert_eq!(calls, [(&json!("charge"), &json!("pending")), (&json!("webhook"), &json!("taken"))]);
    assert_eq!((&payment["status"], stage.gateway.totals().charges), (&json!("taken"), 1));
    assert_eq!(audited(&mut stage).await, [""; 0]);
    stage.finish().await;
}

#[tokio::test]
async fn a_payment_that_fails_later_gives_the_stock_back() {
    let mut stage = stage(Options::default()).await;
    let id = stage.submit(&paid_with("tok_pending_declined")).await;
    let order = stage.reaches(&id, "failed").await;
    assert_eq!(order["reason"], "payment_declined");
    assert_eq!((stage.shelf("WIDGET-01").await, stage.gateway.totals().charges), ((500, 0), 0));
    assert_eq!(payment(&stage, &id).await["decline_code"], "insufficient_funds");
    assert_eq!(audited(&mut stage).await, [""; 0]);
    stage.finish().await;
}

#[tokio::test]
async fn a_payment_that_is_never_told_is_given_up_at_its_deadline_and_its_result_comes_too_late() {
    let mut stage = stage(Options { patience: (300, 1), ..Options::default() }).await;
    let id = stage.submit(&paid_with("tok_pending_silent")).await;
    let order = stage.reaches(&id, "failed").await;
    assert_eq!(order["reason"], "payment_timeout");
    assert_eq!(stage.payment(&id).await.as_deref(), Some("cancelled"));
    assert_eq!(stage.gateway.succeed(Uuid::parse_str(&id).expect("an id")), None, "the gateway has closed it");
    assert_eq!(Webhook::failed(&id).send(&stage.api).await.1["effect"], "nothing");
    assert_eq!(audited(&mut stage).await, [""; 0]);
    stage.finish().await;
}

#[tokio::test]
async fn money_that_is_taken_after_the_timeout_is_given_back_and_the_customer_told() {
    let mut stage = stage(Options { patience: (300, 1), ..Options::default() }).await;
    let id = stage.submit(&paid_with("tok_pending_late")).await;
    assert_eq!(stage.reaches(&id, "failed").await["reason"], "payment_timeout");
    eventually("the money is given back", async || {
        (stage.payment(&id).await.as_deref() == Some("refunded")).then_some(())
    })
    .await;
    let mails = async || stage.sent("mail").into_iter().filter(|mail| mail.contains("refunded")).count();
    eventually("the customer is told", async || (mails().await == 1).then_some(())).await;
    let totals = stage.gateway.totals();
    assert_eq!((totals.charges, totals.refunds), (1, 1));
    assert_eq!(stage.reaches(&id, "failed").await["status"], "failed");
    assert_eq!(audited(&mut stage).await, [""; 0]);
    stage.finish().await;
}

#[tokio::test]
async fn a_result_against_the_deadline_has_one_winner_and_the_books_are_right() {
    const ORDERS: usize = 60;
    let mut stage = stage(Options::default()).await;
    let order = paid_with("tok_pending_silent");
    let ids = join_all((0..ORDERS).map(|_| stage.submit(&order))).await;
    let pending = "select count(*) from payments where status = 'pending'";
    eventually("all are pending", async || (stage.database.number(pending).await == ORDERS as i64).then_some(())).await;
    let shared = &stage;
    let races = ids.iter().enumerate().map(|(number, id)| async move {
        let told = Notify::new();
        let result = async {
            let key = Uuid::parse_str(id).expect("an id");
            if let Some(data) = shared.gateway.succeed(key) {
                let webhook = Webhook::of("payment.succeeded", &json!(data));
                // gateways tell more than once
                let (first, second) = tokio::join!(webhook.send(&shared.api), webhook.send(&shared.api));
                assert_eq!((first.0, second.0), (200, 200));
            }
            told.notify_one();
        };
        // at once; just when the result is stored and its reply is on its way; some time after
        let deadline = async {
            let latest = match number % 3 {
                0 => 20,
                1 => 60,
                _ => 2_000,
            };
            if number % 3 > 0 {
                told.notified().await;
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..latest))).await;
            let passed = json!({"type": "saga.deadline_passed", "order_id": id, "step": "taking_payment"});
            shared.client.publish_json("", "order_replies", identified(&Uuid::new_v4().to_string()), &passed).await;
        };
        tokio::join!(result, deadline);
    });
    join_all(races).await;
    assert_eq!(audited(&mut stage).await, [""; 0]);
    let count = async |status: &str| {
        let sql = "select count(*) from orders where status = $1";
        sqlx::query_scalar::<_, i64>(sql).bind(status).fetch_one(&stage.database.pool).await.expect("counted")
    };
    let (confirmed, failed) = (count("confirmed").await, count("failed").await);
    assert_eq!(confirmed + failed, ORDERS as i64, "{confirmed} confirmed, {failed} failed");
    assert!(confirmed > 0 && failed > 0, "a race that one side always wins: {confirmed} confirmed, {failed} failed");
    let totals = stage.gateway.totals();
    assert_eq!(i64::try_from(totals.charges - totals.refunds).expect("few"), confirmed);
    assert_eq!(stage.shelf("WIDGET-01").await, (500 - confirmed, 0));
    stage.finish().await;
}

#[tokio::test]
async fn a_paid_order_is_refunded_once_however_often_it_is_asked_and_stays_what_it_is() {
    let mut stage = stage(Options::default()).await;
    let id = stage.submit(&paid_with("tok_visa")).await;
    stage.reaches(&id, "confirmed").await;
    let answers = join_all((0..10).map(|_| refund(&stage, &id))).await;
    let asked = answers.iter().filter(|(status, _)| *status == 202).count();
    assert!(answers.iter().all(|(status, _)| matches!(status, 200 | 202)) && asked == 1, "{answers:?}");
    eventually("the money is given back", async || {
        (stage.payment(&id).await.as_deref() == Some("refunded")).then_some(())
    })
    .await;
    let (status, page) = refund(&stage, &id).await;
    assert_eq!(
        (status, &page["status"], &page["refund"]["reason"]),
        (200, &json!("refunded"), &json!("arrived broken"))
    );
    assert_eq!(page["refund"]["requested_by"], "anyone");
    let order = eventually("the answer is recorded", async || {
        let order = stage.reaches(&id, "confirmed").await;
        events(&order).contains(&"payment_refunded").then_some(order)
    })
    .await;
    assert_eq!(events(&order)[3..], ["payment_taken", "refund_requested", "payment_refunded"]);
    let refunded = "select count(*) from recorded_events where routing_key = 'order.refunded'";
    eventually("it is announced", async || (stage.database.number(refunded).await == 1).then_some(())).await;
    assert_eq!((stage.gateway.totals().refunds, stage.shelf("WIDGET-01").await), (1, (499, 0)));
    assert_eq!(audited(&mut stage).await, [""; 0]);
    assert_eq!(stage.sent("mail").iter().filter(|mail| mail.contains("refunded")).count(), 1);
    stage.finish().await;
}

#[tokio::test]
async fn a_refund_and_a_cancellation_give_the_money_back_once_whichever_comes_first() {
    const ORDERS: usize = 20;
    let mut stage = stage(Options::default()).await;
    let order = paid_with("tok_visa");
    let ids = join_all((0..ORDERS).map(|_| stage.submit(&order))).await;
    for id in &ids {
        stage.reaches(id, "confirmed").await;
    }
    let races = ids.iter().map(async |id| {
        let path = format!("/api/v1/orders/{id}/cancel");
        let cancel = eventually("the cancellation is answered", async || {
            let (status, _) = answer(stage.api.post(&path, &json!({}))).await;
            (status != 503).then_some(status)
        });
        let ((refunded, answered), cancelled) = tokio::join!(refund(&stage, id), cancel);
        assert_eq!(cancelled, 202);
        assert!(matches!(refunded, 202 | 409), "{refunded}: {answered}");
    });
    join_all(races).await;
    for id in &ids {
        stage.reaches(id, "cancelled").await;
    }
    assert_eq!(audited(&mut stage).await, [""; 0]);
    assert_eq!((stage.gateway.totals().refunds, stage.shelf("WIDGET-01").await), (ORDERS as u64, (500, 0)));
    let (_, statistics) = answer(stage.api.get("/api/v1/statistics")).await;
    let totals = &statistics["totals"];
    assert_eq!(totals["refunded"], totals["revenue"], "{totals}");
    let told = stage.sent("mail").iter().filter(|mail| mail.contains("refunded")).count();
    assert!(told >= ORDERS, "{told}");
    stage.finish().await;
}

#[tokio::test]
async fn an_order_that_was_refunded_can_still_be_cancelled_and_is_counted_once() {
    let mut stage = stage(Options::default()).await;
    let id = stage.submit(&paid_with("tok_visa")).await;
    stage.reaches(&id, "confirmed").await;
    assert_eq!(refund(&stage, &id).await.0, 202);
    let path = format!("/api/v1/orders/{id}");
    eventually("the refund is recorded", async || {
        let (_, order) = answer(stage.api.get(&path)).await;
        events(&order).contains(&"payment_refunded").then_some(())
    })
    .await;
    assert_eq!(answer(stage.api.post(&format!("{path}/cancel"), &json!({}))).await.0, 202);
    stage.reaches(&id, "cancelled").await;
    assert_eq!(audited(&mut stage).await, [""; 0]);
    assert_eq!((stage.gateway.totals().refunds, stage.shelf("WIDGET-01").await), (1, (500, 0)));
    let (_, statistics) = answer(stage.api.get("/api/v1/statistics")).await;
    assert_eq!(statistics["totals"]["refunded"], statistics["totals"]["revenue"]);
    stage.finish().await;
}

#[tokio::test]
async fn an_order_that_holds_no_money_cannot_be_refunded() {
    let stage = stage(Options::default()).await;
    let declined = stage.submit(&paid_with("tok_declined")).await;
    stage.reaches(&declined, "failed").await;
    let (status, problem) = refund(&stage, &declined).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/illegal-transition")));
    assert_eq!((&problem["current_status"], &problem["allowed_statuses"]), (&json!("failed"), &json!([])));
    let pending = stage.submit(&paid_with("tok_pending_silent")).await;
    eventually("it is pending", async || (stage.payment(&pending).await.as_deref() == Some("pending")).then_some(()))
        .await;
    let (status, problem) = refund(&stage, &pending).await;
    assert_eq!((status, &problem["current_step"]), (409, &json!("taking_payment")));
    assert_eq!(problem["allowed_statuses"], json!(["cancelled"]));
    assert_eq!(refund(&stage, &Uuid::new_v4().to_string()).await.0, 404);
    assert_eq!(Webhook::failed(&pending).send(&stage.api).await.1["effect"], "declined");
    stage.reaches(&pending, "failed").await;
    stage.finish().await;
}

#[tokio::test]
async fn failed_calls_to_the_gateway_are_in_the_payments_record() {
    let stage = stage(Options::default()).await;
    let id = stage.submit(&paid_with("tok_error_twice")).await;
    stage.reaches(&id, "confirmed").await;
    let payment = payment(&stage, &id).await;
    let attempts: Vec<_> = payment["attempts"]
        .as_array()
        .expect("attempts")
        .iter()
        .map(|a| (a["attempt"].as_i64(), &a["outcome"]))
        .collect();
    assert_eq!(attempts, [(Some(1), &json!("failed")), (Some(2), &json!("failed")), (Some(3), &json!("taken"))]);
    assert_eq!(payment["attempts"][0]["detail"], "the payment gateway is not available");
    stage.finish().await;
}
