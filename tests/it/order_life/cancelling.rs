//! Cancelled at each stage: what had been done is undone, the customer is told, and nothing is done twice.

use lapin::BasicProperties;
use serde_json::{Value, json};
use uuid::Uuid;

use super::whole_fleet;
use crate::support::amqp::identified;
use crate::support::{Options, Role, Stage, eventually, order_of};

async fn waits_in(stage: &Stage, id: &str, step: &str) {
    eventually(&format!("order {id} waits in {step}"), async || {
        let (_, order) = crate::support::answer(stage.api.get(&format!("/api/v1/orders/{id}"))).await;
        (order["saga"]["step"] == step).then_some(())
    })
    .await;
}

/// The rest of the fleet, when some of it runs already.
async fn start_all_but(stage: &mut Stage, running: &[Role]) {
    let all = Role::WORKERS.into_iter().chain([Role::Scheduler, Role::Analytics]);
    let missing: Vec<Role> = all.filter(|role| !running.contains(role)).collect();
    stage.start(&missing).await;
}

async fn told(stage: &Stage, id: &str) -> Vec<String> {
    sqlx::query_scalar(
        "select channel || ' ' || kind from notification_deliveries where order_id = $1 order by channel, kind",
    )
    .bind(Uuid::parse_str(id).expect("an id"))
    .fetch_all(&stage.database.pool)
    .await
    .expect("deliveries")
}

fn moved(kinds: &[&str]) -> Vec<(String, i64)> {
    kinds.iter().map(|kind| ((*kind).to_owned(), 2)).collect()
}

/// Cancels an order that has come as far as the roles that run; answers how it was answered.
async fn cancelled_after(running: &[Role], step: Option<&str>) -> (Stage, String, u16) {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 100).await;
    stage.start(running).await;
    let id = stage.submit(&order_of("WIDGET-01", 2)).await;
    if let Some(step) = step {
        waits_in(&stage, &id, step).await;
    }
    let (status, order) = stage.cancel(&id).await;
    assert!(status == 200 || status == 202, "{status}: {order}");
    start_all_but(&mut stage, running).await;
    let order = stage.reaches(&id, "cancelled").await;
    assert_eq!((&order["reason"], &order["saga"]), (&json!("cancelled"), &Value::Null));
    // again, when all is done
    assert_eq!(stage.cancel(&id).await.0, 200);
    stage.is_audited_clean().await;
    assert_eq!(stage.shelf("WIDGET-01").await, (100, 0));
    (stage, id, status)
}

#[tokio::test]
async fn an_order_that_nobody_has_looked_at_is_cancelled_at_once() {
    let (stage, id, status) = cancelled_after(&[], None).await;
    assert_eq!(status, 200);
    assert_eq!(stage.ledger(&id).await, []);
    assert_eq!(stage.payment(&id).await, None);
    assert_eq!(told(&stage, &id).await, ["email order_cancelled", "push order_cancelled"]);
    stage.finish().await;
}

#[tokio::test]
async fn an_order_that_waits_for_its_stock_gives_it_back_as_soon_as_it_has_it() {
    let (stage, id, status) = cancelled_after(&[Role::Processor], Some("reserving_stock")).await;
    assert_eq!(status, 202);
    assert_eq!(stage.ledger(&id).await, moved(&["reserve", "release"]));
    assert_eq!(stage.payment(&id).await, None);
    assert_eq!(told(&stage, &id).await, ["email order_cancelled", "push order_cancelled"]);
    stage.finish().await;
}

#[tokio::test]
async fn an_order_whose_payment_is_under_way_keeps_no_money() {
    let (stage, id, status) = cancelled_after(&[Role::Processor, Role::Inventory], Some("taking_payment")).await;
    assert_eq!(status, 202);
    assert_eq!(stage.ledger(&id).await, moved(&["reserve", "release"]));
    let totals = stage.gateway.totals();
    assert_eq!(totals.charges, totals.refunds);
    // whichever of the two requests came first
    let payment = stage.payment(&id).await;
    assert!(matches!(payment.as_deref(), Some("refunded" | "cancelled")), "{payment:?}");
    assert!(told(&stage, &id).await.contains(&"email order_cancelled".to_owned()));
    stage.finish().await;
}

#[tokio::test]
async fn a_confirmed_order_is_refunded_and_its_goods_go_back_to_the_shelf() {
    let mut stage = whole_fleet().await;
    let id = stage.submit(&order_of("WIDGET-01", 2)).await;
    stage.reaches(&id, "confirmed").await;
    eventually("the goods are sold", async || (stage.shelf("WIDGET-01").await == (98, 0)).then_some(())).await;
    let (status, order) = stage.cancel(&id).await;
    assert_eq!(
        (status, &order["status"], &order["saga"]["step"]),
        (202, &json!("processing"), &json!("refunding_payment"))
    );
    let order = stage.reaches(&id, "cancelled").await;
    assert!(order["confirmed_at"].is_string(), "{order}");
    stage.is_audited_clean().await;
    assert_eq!(stage.ledger(&id).await, moved(&["reserve", "commit", "return"]));
    assert_eq!(stage.shelf("WIDGET-01").await, (100, 0));
    assert_eq!(stage.payment(&id).await.as_deref(), Some("refunded"));
    assert_eq!((stage.gateway.totals().charges, stage.gateway.totals().refunds), (1, 1));
    let expected = ["order_cancelled", "order_confirmation", "order_refunded"];
    for channel in ["email", "push"] {
        let told: Vec<String> = told(&stage, &id).await.into_iter().filter(|line| line.starts_with(channel)).collect();
        assert_eq!(told, expected.map(|kind| format!("{channel} {kind}")));
    }
    let (_, figures) = crate::support::answer(stage.api.get("/api/v1/statistics")).await;
    let totals = &figures["totals"];
    assert_eq!((&totals["confirmed"], &totals["cancelled"]), (&json!(1), &json!(1)));
    assert_eq!((&totals["revenue"], &totals["refunded"]), (&json!(39.98), &json!(39.98)));
    stage.finish().await;
}

#[tokio::test]
async fn a_return_that_overtakes_the_sale_books_both_and_the_sale_changes_nothing_any_more() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 10).await;
    let id = Uuid::new_v4();
    let ask = async |kind: &str| {
        let items = json!([{"sku": "WIDGET-01", "quantity": 2}]);
        let mut request = json!({"type": kind, "order_id": id});
        if kind == "stock.reserve" {
            request["items"] = items;
        }
        let properties: BasicProperties = identified(&Uuid::new_v4().to_string());
        stage.client.publish_json("", "inventory_requests", properties, &request).await;
    };
    for kind in ["stock.reserve", "stock.return", "stock.commit", "stock.return", "stock.release"] {
        ask(kind).await;
    }
    stage.start(&[Role::Inventory]).await;
    stage.settle().await;
    assert_eq!(stage.ledger(&id.to_string()).await, moved(&["reserve", "commit", "return"]));
    assert_eq!(stage.shelf("WIDGET-01").await, (10, 0));
    stage.finish().await;
}

#[tokio::test]
async fn an_order_that_nobody_knows_is_not_found_and_a_strange_body_is_refused() {
    let stage = Stage::set(Options::default()).await;
    assert_eq!(stage.cancel(&Uuid::new_v4().to_string()).await.0, 404);
    assert_eq!(stage.cancel("seven").await.0, 404);
    let (status, problem) =
        stage.ask(&Uuid::new_v4().to_string(), "cancel", &json!({"reason": 7, "colour": "red"})).await;
    assert_eq!((status, problem["errors"].as_array().map(Vec::len)), (422, Some(2)), "{problem}");
    stage.finish().await;
}
