//! Orders that cannot be fulfilled end as failed with everything undone and the customer told; errors that pass are retried.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Options, Stage, eventually, order_of, paid_with};

fn steps(order: &Value) -> Vec<&str> {
    order["timeline"].as_array().expect("a timeline").iter().filter_map(|entry| entry["event"].as_str()).collect()
}

/// Waits for the mail about the failure.
async fn told(stage: &Stage, id: &str, words: &str) {
    let mail = eventually("the customer is told", async || stage.sent("mail").pop()).await;
    assert!(mail.contains(id) && mail.contains(words), "{mail}");
}

#[tokio::test]
async fn an_order_out_of_stock_fails_without_a_payment_and_the_customer_is_told() {
    let stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 1).await;
    stage.stock("GADGET-02", 50).await;
    let mut order = order_of("WIDGET-01", 2);
    order["items"].as_array_mut().expect("items").push(json!({"sku": "GADGET-02", "quantity": 1}));
    let id = stage.submit(&order).await;
    let order = stage.reaches(&id, "failed").await;
    assert_eq!(order["reason"], "out_of_stock");
    assert_eq!(steps(&order), ["accepted", "submitted", "stock_rejected"]);
    assert_eq!((stage.shelf("WIDGET-01").await, stage.shelf("GADGET-02").await), ((1, 0), (50, 0)));
    assert_eq!((stage.ledger(&id).await.len(), stage.payment(&id).await), (0, None));
    assert_eq!(stage.gateway.totals().charges, 0);
    told(&stage, &id, "WIDGET-01").await;
    let events: Vec<String> = stage.events().await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(events, ["order.created", "order.failed"]);
    stage.finish().await;
}

#[tokio::test]
async fn a_declined_order_gives_its_stock_back_and_is_neither_retried_nor_dead_lettered() {
    let stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 5).await;
    let id = stage.submit(&paid_with("tok_declined")).await;
    let order = stage.reaches(&id, "failed").await;
    assert_eq!(order["reason"], "payment_declined");
    assert_eq!(steps(&order), ["accepted", "submitted", "stock_reserved", "payment_declined", "stock_released"]);
    assert_eq!(stage.shelf("WIDGET-01").await, (5, 0));
    assert_eq!(stage.ledger(&id).await, [("reserve".to_owned(), 1), ("release".to_owned(), 1)]);
    assert_eq!(stage.payment(&id).await.as_deref(), Some("declined"));
    assert_eq!((stage.gateway.totals().declines, stage.gateway.totals().errors), (1, 0));
    told(&stage, &id, "declined").await;
    stage.finish().await;
}

#[tokio::test]
async fn a_payment_that_is_never_answered_is_cancelled_at_its_deadline_and_everything_undone() {
    // the ladder is longer than the patience, so that the cancellation overtakes the last attempt
    let options = Options { delays: [1500, 3000, 4000], patience: (300, 1), ..Options::default() };
    let stage = Stage::of_the_whole_fleet(options).await;
    stage.stock("WIDGET-01", 5).await;
    let id = stage.submit(&paid_with("tok_timeout")).await;
    let order = stage.reaches(&id, "failed").await;
    assert_eq!(order["reason"], "payment_timeout");
    assert_eq!(
        steps(&order),
        ["accepted", "submitted", "stock_reserved", "deadline_passed", "payment_cancelled", "stock_released"]
    );
    assert_eq!(stage.shelf("WIDGET-01").await, (5, 0));
    assert_eq!(stage.payment(&id).await.as_deref(), Some("cancelled"));
    told(&stage, &id, "not answered in time").await;
    // the attempt that waited in the ladder finds the payment cancelled and takes nothing
    stage
        .finish_after("the late attempt is answered", async |stage| {
            let handled = "select count(*) from inbox where consumer = 'payment-service'";
            (stage.database.number(handled).await == 2).then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_payment_that_fails_twice_succeeds_at_the_third_attempt_and_is_charged_once() {
    let stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 5).await;
    let started = std::time::Instant::now();
    let id = stage.submit(&paid_with("tok_error_twice")).await;
    stage.reaches(&id, "confirmed").await;
    assert!(started.elapsed() >= Duration::from_millis(600), "two rungs of 200 and 400 ms: {:?}", started.elapsed());
    let totals = stage.gateway.totals();
    assert_eq!((totals.errors, totals.charges, totals.refunds), (2, 1, 0));
    assert_eq!(stage.payment(&id).await.as_deref(), Some("taken"));
    stage.finish().await;
}

#[tokio::test]
async fn a_payment_that_always_fails_is_dead_lettered_and_the_deadline_fails_the_order() {
    let options = Options { delays: [100, 100, 100], patience: (300, 2), ..Options::default() };
    let stage = Stage::of_the_whole_fleet(options).await;
    stage.stock("WIDGET-01", 5).await;
    let id = stage.submit(&paid_with("tok_error_always")).await;
    let dead = stage.dead_letter().await;
    assert_eq!(dead.header("fleet-reason").as_deref(), Some("attempts_exhausted"));
    assert_eq!(dead.header("fleet-origin-queue").as_deref(), Some("payment_requests"));
    assert_eq!(dead.header("fleet-error").as_deref(), Some("the payment gateway is not available"));
    assert_eq!((&dead.json()["order_id"], &dead.json()["type"]), (&json!(id), &json!("payment.take")));
    assert_eq!(stage.gateway.totals().errors, 4, "the first attempt and three rungs");
    let order = stage.reaches(&id, "failed").await;
    assert_eq!(order["reason"], "payment_timeout");
    assert_eq!(stage.shelf("WIDGET-01").await, (5, 0));
    assert_eq!(stage.payment(&id).await.as_deref(), Some("cancelled"));
    stage.finish().await;
}

#[tokio::test]
async fn a_payment_answered_after_the_deadline_is_refunded_and_the_customer_told_both() {
    // slow: the charge takes 5 s, the patience is 1 s
    let options = Options { patience: (300, 1), ..Options::default() };
    let stage = Stage::of_the_whole_fleet(options).await;
    stage.stock("WIDGET-01", 5).await;
    let id = stage.submit(&paid_with("tok_slow")).await;
    let order = stage.reaches(&id, "failed").await;
    assert_eq!(order["reason"], "payment_timeout");
    assert_eq!(stage.shelf("WIDGET-01").await, (5, 0));
    stage
        .finish_after("the late charge is answered", async |stage| {
            let handled = "select count(*) from inbox where consumer = 'payment-service'";
            (stage.database.number(handled).await == 2).then_some(())
        })
        .await;
}
