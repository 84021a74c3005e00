//! A binding is gone and what consumers publish is returned: they hold what they have, and it costs nobody a delivery.

use std::time::Duration;

use lapin::types::FieldTable;
use tokio::time::{Instant, sleep};

use super::all_once;
use crate::support::{Options, Stage, eventually, order_of};

/// Of every queue here, instead of fifty: a consumer that ended its session for each returned message would spend them within ten
/// seconds (its pauses are 0.2 s to 3 s).
const DELIVERIES: u32 = 4;
const OUTAGE: Duration = Duration::from_secs(15);
const PACE: Duration = Duration::from_millis(300);
/// Created and confirmed.
const EVENTS_OF_AN_ORDER: i64 = 2;

#[tokio::test]
async fn a_binding_that_is_gone_for_long_delays_orders_and_spends_no_deliveries() {
    let mut stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.host.limit_deliveries(DELIVERIES).await;
    stage.stock("WIDGET-01", 1000).await;
    let (queue, exchange) = ("analytics".into(), "events".into());
    stage.client.channel.queue_unbind(queue, exchange, "#".into(), FieldTable::default()).await.expect("unbound");
    let gone = Instant::now();
    let mut orders = 0;
    while gone.elapsed() < OUTAGE {
        stage.submit(&order_of("WIDGET-01", 1)).await;
        orders += 1;
        sleep(PACE).await;
    }
    assert!(stage.is_unready_because("order-processor-1", "nothing is bound for exchange 'events'"), "nobody says why");
    assert_eq!(stage.client.depth("dead_letters").await, 0);
    let confirmed = stage.database.number("select count(*) from orders where status = 'confirmed'").await;
    assert!(confirmed < orders / 2, "{confirmed} of {orders} went through without the binding");
    stage.declare().await;
    all_once(&mut stage, orders).await;
    eventually("every event is there once", async || {
        (i64::from(stage.client.depth("analytics").await) == EVENTS_OF_AN_ORDER * orders).then_some(())
    })
    .await;
    stage.finish().await;
}
