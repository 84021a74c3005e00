//! Orders that stand still because an answer was lost or never came, ended by an operator; the books are right afterwards.

use serde_json::{Value, json};

use super::whole_fleet;
use crate::cli::runner::run;
use crate::support::{Options, Role, Stage, eventually, order_of};

const WHY: &str = "the answer was lost";

async fn waits_in(stage: &Stage, id: &str, step: &str) {
    eventually(&format!("order {id} waits in {step}"), async || {
        let (_, order) = crate::support::answer(stage.api.get(&format!("/api/v1/orders/{id}"))).await;
        (order["saga"]["step"] == step).then_some(())
    })
    .await;
}

/// An order for which `answered` has done its part, and whose order-processor never heard of it.
async fn with_lost_answer(before: &[Role], step: &str, answered: Role) -> (Stage, String) {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 100).await;
    stage.start(&[Role::Processor]).await;
    stage.start(before).await;
    let id = stage.submit(&order_of("WIDGET-01", 2)).await;
    waits_in(&stage, &id, step).await;
    stage.stop(Role::Processor).await;
    stage.start(&[answered]).await;
    eventually("the answer waits", async || (stage.client.depth("order_replies").await == 1).then_some(())).await;
    stage.client.purge("order_replies").await;
    stage.start(&[Role::Processor]).await;
    (stage, id)
}

async fn resolve(stage: &Stage, id: &str, end: &str) -> (u16, Value) {
    stage.ask(id, "resolve", &json!({"as": end, "reason": WHY})).await
}

async fn start_the_rest(stage: &mut Stage, running: &[Role]) {
    let all = Role::WORKERS.into_iter().chain([Role::Scheduler, Role::Analytics]);
    let missing: Vec<Role> = all.filter(|role| !running.contains(role)).collect();
    stage.start(&missing).await;
}

#[tokio::test]
async fn a_paid_order_whose_answer_was_lost_is_confirmed_by_hand_from_what_is_on_record() {
    let (mut stage, id) = with_lost_answer(&[Role::Inventory], "taking_payment", Role::Payment).await;
    assert_eq!(stage.payment(&id).await.as_deref(), Some("taken"));
    let resolved = run(&stage.api.address, &["resolve", &id, "--as", "confirmed", "--why", WHY], "").await;
    assert_eq!(resolved.code, 0, "{resolved:?}");
    assert!(resolved.stdout.contains("confirmed"), "{resolved:?}");
    // again, when all is done
    let (status, order) = resolve(&stage, &id, "confirmed").await;
    assert_eq!((status, &order["status"]), (200, &json!("confirmed")));
    let (status, refused) = resolve(&stage, &id, "failed").await;
    assert_eq!(
        (status, &refused["detail"]),
        (409, &json!("the order is confirmed and cannot end as failed: it is confirmed already"))
    );
    start_the_rest(&mut stage, &[Role::Processor, Role::Inventory, Role::Payment]).await;
    stage.is_audited_clean().await;
    assert_eq!(stage.shelf("WIDGET-01").await, (98, 0));
    let deeds: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', actor, target, reason, before ->> 'step', after ->> 'status') from audit_log
         where action = 'order.resolve'",
    )
    .fetch_all(&stage.database.pool)
    .await
    .expect("the log");
    assert_eq!(deeds, [format!("anyone order:{id} {WHY} taking_payment confirmed")]);
    let history = run(&stage.api.address, &["history", &id], "").await;
    assert!(history.stdout.contains(WHY), "{history:?}");
    stage.finish().await;
}

#[tokio::test]
async fn an_order_whose_reservation_was_not_heard_of_goes_on_and_is_confirmed() {
    let (mut stage, id) = with_lost_answer(&[], "reserving_stock", Role::Inventory).await;
    let (status, order) = resolve(&stage, &id, "confirmed").await;
    assert_eq!((status, &order["saga"]["step"]), (202, &json!("taking_payment")), "{order}");
    start_the_rest(&mut stage, &[Role::Processor, Role::Inventory]).await;
    stage.reaches(&id, "confirmed").await;
    stage.is_audited_clean().await;
    stage.finish().await;
}

#[tokio::test]
async fn an_order_whose_payment_never_came_is_not_confirmed_but_given_up_and_undone() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 100).await;
    let running = [Role::Processor, Role::Inventory];
    stage.start(&running).await;
    let id = stage.submit(&order_of("WIDGET-01", 2)).await;
    waits_in(&stage, &id, "taking_payment").await;
    let refused = run(&stage.api.address, &["resolve", &id, "--as", "confirmed", "--why", WHY], "").await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("its money is not taken (payment: none)"), "{refused:?}");
    let (_, problem) = resolve(&stage, &id, "confirmed").await;
    assert_eq!((&problem["reservation"], &problem["payment"]), (&json!("reserved"), &json!("none")));
    let (status, order) = resolve(&stage, &id, "failed").await;
    assert_eq!((status, &order["saga"]["step"]), (202, &json!("cancelling_payment")), "{order}");
    start_the_rest(&mut stage, &running).await;
    let order = stage.reaches(&id, "failed").await;
    assert_eq!(order["reason"], "payment_timeout");
    stage.is_audited_clean().await;
    assert_eq!(stage.shelf("WIDGET-01").await, (100, 0));
    stage.finish().await;
}

#[tokio::test]
async fn an_undoing_that_stands_still_is_finished_and_may_become_a_cancellation() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 100).await;
    stage.start(&[Role::Processor, Role::Inventory]).await;
    let id = stage.submit(&order_of("WIDGET-01", 2)).await;
    waits_in(&stage, &id, "taking_payment").await;
    assert_eq!(resolve(&stage, &id, "failed").await.0, 202);
    // the answer to the cancellation is lost, too
    stage.stop(Role::Processor).await;
    stage.start(&[Role::Payment]).await;
    eventually("the payment is void", async || {
        let payment = stage.payment(&id).await;
        matches!(payment.as_deref(), Some("cancelled" | "refunded")).then_some(())
    })
    .await;
    stage.stop(Role::Payment).await;
    stage.client.purge("order_replies").await;
    stage.start(&[Role::Processor]).await;
    assert_eq!(resolve(&stage, &id, "confirmed").await.0, 409);
    let (status, order) = resolve(&stage, &id, "cancelled").await;
    assert_eq!(status, 202, "{order}");
    start_the_rest(&mut stage, &[Role::Processor, Role::Inventory]).await;
    stage.reaches(&id, "cancelled").await;
    stage.is_audited_clean().await;
    assert_eq!(stage.shelf("WIDGET-01").await, (100, 0));
    stage.finish().await;
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_and_a_pending_order_is_submitted_or_cancelled() {
    let mut stage = whole_fleet().await;
    let unknown = "0199c1d2-7a40-7c1e-9d43-0c2f5a1be001";
    assert_eq!(resolve(&stage, unknown, "failed").await.0, 404);
    assert_eq!(stage.ask(unknown, "resolve", &json!({"as": "shipped"})).await.0, 422);
    for wrong in [&["resolve", unknown, "--as", "shipped", "--why", "x"][..], &["resolve", unknown, "--as", "failed"]] {
        assert_eq!(run(&stage.api.address, wrong, "").await.code, 2, "{wrong:?}");
    }
    stage.stop(Role::Processor).await;
    let (one, other) = (stage.submit(&order_of("WIDGET-01", 1)).await, stage.submit(&order_of("WIDGET-01", 1)).await);
    assert_eq!(resolve(&stage, &one, "failed").await.0, 409, "nothing has failed yet");
    assert_eq!(resolve(&stage, &one, "confirmed").await.0, 202);
    assert_eq!(resolve(&stage, &other, "cancelled").await.0, 200);
    stage.start(&[Role::Processor]).await;
    stage.reaches(&one, "confirmed").await;
    stage.reaches(&other, "cancelled").await;
    stage.is_audited_clean().await;
    stage.finish().await;
}
