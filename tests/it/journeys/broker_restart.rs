//! The broker stops and starts again: what it had is still there, and what came meanwhile goes out afterwards.

use crate::support::{Instance, Options, Role, Stage, eventually, order_of};

#[tokio::test]
async fn messages_survive_a_restart_of_the_broker_and_orders_are_taken_while_it_is_down() {
    let instance = Instance::start().await;
    let broker = Some((instance.amqp_url.clone(), instance.management_url.clone()));
    let mut stage = Stage::of_the_whole_fleet(Options { broker, ..Options::default() }).await;
    stage.stock("WIDGET-01", 100).await;
    let order = order_of("WIDGET-01", 1);
    for _ in 0..5 {
        stage.submit(&order).await;
    }
    stage.reach(5, "confirmed").await;
    stage.stop(Role::Processor).await;
    for _ in 0..5 {
        stage.submit(&order).await;
    }
    eventually("five orders are in the queue", async || {
        (stage.client.depth("order_processing").await == 5).then_some(())
    })
    .await;

    instance.run("down").await;
    for _ in 0..5 {
        stage.submit(&order).await;
    }
    eventually("everybody notices", async || (!stage.is_ready("payment-service-1")).then_some(())).await;
    assert_eq!(stage.database.number("select count(*) from outbox").await, 5);
    instance.run("up").await;

    let mut stage = stage.reconnected().await;
    stage.start(&[Role::Processor]).await;
    stage.reach(15, "confirmed").await;
    stage.finish().await;
}
