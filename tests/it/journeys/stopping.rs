//! SIGTERM under load: the fleet finishes what is in hand and exits with 0; the next one finishes everything.

use futures_util::future::join_all;
use order_fleet::topology::{Topology, TopologyArgs};

use crate::support::fleet::Fleet;
use crate::support::{Options, Stage, eventually, order_of};

#[tokio::test]
async fn a_fleet_that_is_told_to_stop_under_load_exits_with_0_and_the_next_finishes_everything() {
    const ORDERS: i64 = 120;
    let stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", ORDERS).await;
    let slow_payments = [("GATEWAY_LATENCY", "20..6000")];
    let mut first = Fleet::start(&stage, &slow_payments).await;
    let order = order_of("WIDGET-01", 1);
    join_all((0..ORDERS).map(|_| stage.submit(&order))).await;
    eventually("some orders are through", async || {
        (stage.database.number("select count(*) from orders where status = 'confirmed'").await > 0).then_some(())
    })
    .await;
    let status = first.terminate().await;
    assert_eq!(status.code(), Some(0), "{:?}", first.log().last());
    let confirmed = stage.database.number("select count(*) from orders where status = 'confirmed'").await;
    assert!(confirmed < ORDERS, "it was stopped too late to show anything");

    let mut second = Fleet::start(&stage, &slow_payments).await;
    stage.reach(ORDERS, "confirmed").await;
    eventually("the stock is sold", async || (stage.shelf("WIDGET-01").await == (0, 0)).then_some(())).await;
    eventually("everybody is told", async || {
        (stage.database.number("select count(*) from notification_deliveries").await == 2 * ORDERS).then_some(())
    })
    .await;
    assert_eq!(second.terminate().await.code(), Some(0));
    for queue in Topology::new(&TopologyArgs::default()).queues {
        assert_eq!(stage.client.depth(&queue.name).await, 0, "{}", queue.name);
    }
    let payments = "select count(*) from payments where status = 'taken'";
    assert_eq!(stage.database.number(payments).await, ORDERS);
    stage.finish().await;
}
