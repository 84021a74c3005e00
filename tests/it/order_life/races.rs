//! Who comes first is left to chance; that only one wins, and that the books are right afterwards, is not.

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use order_fleet::domain::OrderId;
use order_fleet::domain::saga::Step;
use order_fleet::store::sagas;
use serde_json::json;
use uuid::Uuid;

use super::whole_fleet;
use crate::support::{Options, Role, Stage, eventually, order_of};

#[tokio::test]
async fn two_hundred_orders_at_once_for_fifty_units_sell_exactly_fifty() {
    let mut stage = whole_fleet().await;
    stage.stock("SCARCE", 50).await;
    let wanted = order_of("SCARCE", 1);
    join_all((0..200).map(|_| stage.submit(&wanted))).await;
    stage.settle().await;
    stage.reach(50, "confirmed").await;
    stage.reach(150, "failed").await;
    assert_eq!(stage.shelf("SCARCE").await, (0, 0));
    assert_eq!(stage.gateway.totals().charges, 50);
    stage.is_audited_clean().await;
    stage.finish().await;
}

#[tokio::test]
async fn fifty_requests_at_once_with_one_key_make_one_order_that_is_confirmed_once() {
    let mut stage = whole_fleet().await;
    let wanted = order_of("WIDGET-01", 1);
    let request = || stage.api.post("/api/v1/orders", &wanted).header("Idempotency-Key", "basket-1");
    let answers = join_all((0..50).map(|_| crate::support::answer(request()))).await;
    let ids: std::collections::BTreeSet<String> =
        answers.iter().filter(|(status, _)| *status == 202).map(|(_, order)| order["id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
    stage.settle().await;
    stage.reach(1, "confirmed").await;
    assert_eq!((stage.shelf("WIDGET-01").await, stage.gateway.totals().charges), ((99, 0), 1));
    stage.is_audited_clean().await;
    stage.finish().await;
}

/// Few enough for a busy machine, many enough to meet every stage.
const ORDERS: i64 = 30;

#[tokio::test]
async fn cancelling_while_the_saga_runs_always_ends_with_everything_given_back() {
    let mut stage = whole_fleet().await;
    let wanted = order_of("WIDGET-01", 1);
    let ids = join_all((0..ORDERS).map(|_| stage.submit(&wanted))).await;
    let cancelling = ids.iter().map(|id| async {
        // two customers' services at once
        let (one, two) = tokio::join!(stage.cancel(id), stage.cancel(id));
        for (status, body) in [one, two] {
            assert!(status == 200 || status == 202, "{status}: {body}");
        }
    });
    // a few at a time, while the sagas go on: every stage is met
    stream::iter(cancelling).buffer_unordered(3).collect::<Vec<()>>().await;
    stage.settle().await;
    stage.reach(ORDERS, "cancelled").await;
    assert_eq!(stage.shelf("WIDGET-01").await, (100, 0));
    let totals = stage.gateway.totals();
    assert_eq!(totals.charges, totals.refunds);
    let asked = stage.database.number("select count(*) from order_history where event = 'cancel_requested'").await;
    assert_eq!(asked, ORDERS, "each was cancelled once");
    stage.is_audited_clean().await;
    stage.finish().await;
}

#[tokio::test]
async fn shipping_against_cancelling_has_one_winner() {
    let mut stage = whole_fleet().await;
    let wanted = order_of("WIDGET-01", 1);
    let ids = join_all((0..30).map(|_| stage.submit(&wanted))).await;
    stage.settle().await;
    stage.reach(30, "confirmed").await;
    let mut shipped = 0;
    for (number, id) in ids.iter().enumerate() {
        let parcel = format!("P-{number}");
        let (ship, cancel) = match number % 2 {
            0 => tokio::join!(stage.ship(id, &parcel), stage.cancel(id)),
            _ => {
                let (cancel, ship) = tokio::join!(stage.cancel(id), stage.ship(id, &parcel));
                (ship, cancel)
            }
        };
        match (ship.0, cancel.0) {
            (200, 409) => {
                shipped += 1;
                assert_eq!(cancel.1["current_status"], json!("shipped"));
            }
            (409, 202) => assert_eq!(ship.1["allowed_statuses"], json!([])),
            other => panic!("{other:?}: {ship:?} {cancel:?}"),
        }
    }
    stage.settle().await;
    stage.reach(shipped, "shipped").await;
    stage.reach(30 - shipped, "cancelled").await;
    assert_eq!(stage.shelf("WIDGET-01").await, (100 - shipped, 0));
    stage.is_audited_clean().await;
    stage.finish().await;
}

#[tokio::test]
async fn whoever_waited_for_an_order_sees_what_the_other_has_done_to_its_saga() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 10).await;
    stage.start(&[Role::Processor]).await;
    let id = stage.submit(&order_of("WIDGET-01", 1)).await;
    eventually("the saga runs", async || {
        (stage.database.number("select count(*) from sagas").await == 1).then_some(())
    })
    .await;
    let order = OrderId(Uuid::parse_str(&id).expect("an id"));
    let mut holder = stage.database.pool.begin().await.expect("a transaction");
    sagas::lock(&mut holder, &[order]).await.expect("locked");
    sqlx::query("update sagas set step = 'taking_payment'").execute(&mut *holder).await.expect("moved on");
    let pool = stage.database.pool.clone();
    let waiter = tokio::spawn(async move {
        let mut waiter = pool.begin().await.expect("a transaction");
        sagas::lock(&mut waiter, &[order]).await.expect("locked").remove(&order).expect("the order").state.step
    });
    eventually("the other waits for the lock", async || {
        let waits = "select count(*) from pg_locks where not granted and locktype in ('transactionid', 'tuple')";
        (stage.database.number(waits).await > 0).then_some(())
    })
    .await;
    holder.commit().await.expect("committed");
    assert_eq!(waiter.await.expect("finished"), Some(Step::TakingPayment));
    sqlx::query("update sagas set step = 'reserving_stock'").execute(&stage.database.pool).await.expect("as it was");
    let rest = [Role::Inventory, Role::Payment, Role::Email, Role::Push, Role::Sms];
    stage.start(&rest).await;
    stage.reaches(&id, "confirmed").await;
    stage.finish().await;
}
