//! The fleet mends itself: what the broker refuses, returns or holds back is repeated until it is taken, and nothing is lost or doubled.
//! Cut connections and deleted queues are in `journeys::self_healing`, a restart of the broker in `journeys::broker_restart`.

mod alarm;
mod binding;
mod refused_ack;

use lapin::options::ExchangeDeleteOptions;
use lapin::types::FieldTable;
use order_fleet::store::outbox;

use crate::isolation::topology;
use crate::support::{Options, Role, Stage, eventually, order_of};

/// Everything that one confirmed order causes, so many times and no more.
async fn all_once(stage: &mut Stage, orders: i64) {
    stage.reach(orders, "confirmed").await;
    stage.settle().await;
    assert_eq!(stage.gateway.totals().charges, u64::try_from(orders).expect("a count"));
    assert_eq!(stage.database.number("select count(*) from stock_movements where kind = 'commit'").await, orders);
    assert_eq!(stage.database.number("select count(*) from notification_deliveries").await, 2 * orders);
}

async fn submit(stage: &Stage, orders: i64) {
    for _ in 0..orders {
        stage.submit(&order_of("WIDGET-01", 1)).await;
    }
}

#[tokio::test]
async fn several_relays_carry_one_outbox_and_every_order_is_handled_once() {
    let mut stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.start(&[Role::Relay, Role::Relay]).await;
    stage.stock("WIDGET-01", 1000).await;
    submit(&stage, 100).await;
    all_once(&mut stage, 100).await;
    stage.finish().await;
}

#[tokio::test]
async fn a_publish_that_closes_the_channel_is_repeated_until_its_exchange_is_there() {
    let mut stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 10).await;
    let delete = stage.client.channel.exchange_delete("notifications".into(), ExchangeDeleteOptions::default());
    delete.await.expect("deleted");
    submit(&stage, 3).await;
    eventually("they are held", async || stage.is_unready_because("order-processor-1", "holding").then_some(())).await;
    stage.host.declare(&topology([200, 400, 800])).await.expect("repaired");
    all_once(&mut stage, 3).await;
    stage.finish().await;
}

#[tokio::test]
async fn an_order_that_the_broker_returns_is_parked_with_the_reason_and_goes_out_after_the_repair() {
    let mut stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 10).await;
    let (queue, exchange, key) = ("order_processing".into(), "orders".into(), "process".into());
    stage.client.channel.queue_unbind(queue, exchange, key, FieldTable::default()).await.expect("unbound");
    submit(&stage, 2).await;
    let parked = eventually("both are parked", async || {
        let reasons: Vec<String> = sqlx::query_scalar("select parked from outbox where parked is not null")
            .fetch_all(&stage.database.pool)
            .await
            .expect("the outbox");
        (reasons.len() == 2).then_some(reasons)
    })
    .await;
    assert!(parked.iter().all(|reason| reason.starts_with("unroutable: exchange 'orders'")), "{parked:?}");
    stage.host.declare(&topology([200, 400, 800])).await.expect("repaired");
    let mut connection = stage.database.pool.acquire().await.expect("a connection");
    outbox::unpark_all(&mut connection).await.expect("another turn");
    drop(connection);
    all_once(&mut stage, 2).await;
    stage.finish().await;
}
