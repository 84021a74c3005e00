//! A broker that is short of memory blocks whoever publishes. It is a broker of this test alone: an alarm concerns all of it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::all_once;
use crate::support::{Instance, Options, Stage, eventually, order_of};

/// Longer than the publisher waits for a confirm (15 s), so that sessions end by it.
const ALARM: Duration = Duration::from_secs(20);
/// Pause between two orders: a load that a debug build carries beside other tests.
const PACE: Duration = Duration::from_millis(250);
const SET_WATERMARK: &str = "set_vm_memory_high_watermark";

#[tokio::test]
async fn a_broker_that_blocks_publishing_delays_orders_and_costs_none() {
    let instance = Instance::start().await;
    let broker = Some((instance.amqp_url.clone(), instance.management_url.clone()));
    let mut stage = Stage::of_the_whole_fleet(Options { broker, ..Options::default() }).await;
    stage.stock("WIDGET-01", 1000).await;
    let mut orders = 0;
    instance.rabbitmqctl(&[SET_WATERMARK, "0.000001"]).await;
    let blocked = Instant::now();
    while blocked.elapsed() < ALARM {
        // the API takes orders all the time: they wait in the outbox
        stage.submit(&order_of("WIDGET-01", 1)).await;
        orders += 1;
        sleep(PACE).await;
    }
    let waiting = stage.database.number("select count(*) from outbox").await;
    assert!(waiting > 0, "nothing was held back");
    assert_eq!(stage.client.depth("dead_letters").await, 0);
    instance.rabbitmqctl(&[SET_WATERMARK, "0.4"]).await;
    let healed = Instant::now();
    eventually("the outbox is empty", async || {
        (stage.database.number("select count(*) from outbox").await == 0).then_some(())
    })
    .await;
    all_once(&mut stage, orders).await;
    eprintln!(
        "{orders} orders, {waiting} of them waiting at the end of the alarm; all confirmed after {:?}",
        healed.elapsed()
    );
    stage.finish().await;
}
