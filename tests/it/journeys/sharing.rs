//! Several processes of one role share its work, and one that stops hands over what it had not begun.

use futures_util::future::join_all;

use crate::support::{Options, Role, Stage, order_of};

#[tokio::test]
async fn two_order_processors_share_the_work_and_every_order_is_confirmed_once() {
    const ORDERS: i64 = 200;
    let mut stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.start(&[Role::Processor]).await;
    stage.stock("WIDGET-01", ORDERS).await;
    // who wrote it: each process has a name of its own in the database
    stage
        .database
        .execute("alter table order_history add worker text default current_setting('application_name')")
        .await;
    let order = order_of("WIDGET-01", 1);
    // in waves, as customers come: one wave would be one batch of one processor
    for _ in 0..10 {
        join_all((0..ORDERS / 10).map(|_| stage.submit(&order))).await;
    }
    stage.reach(ORDERS, "confirmed").await;
    stage.settle().await;
    assert_eq!(stage.shelf("WIDGET-01").await, (0, 0));
    assert_eq!(i64::try_from(stage.gateway.totals().charges), Ok(ORDERS));
    let steps =
        "select count(*) from (select order_id, event from order_history group by 1, 2 having count(*) > 1) twice";
    assert_eq!(stage.database.number(steps).await, 0);
    let shares: Vec<(String, i64)> = sqlx::query_as(
        "select worker, count(*) from order_history where worker like 'order-processor%' group by 1 order by 1",
    )
    .fetch_all(&stage.database.pool)
    .await
    .expect("shares");
    let workers: Vec<&str> = shares.iter().map(|(worker, _)| worker.as_str()).collect();
    assert_eq!(workers, ["order-processor-1", "order-processor-2"], "{shares:?}");
    assert_eq!(shares.iter().map(|(_, count)| count).sum::<i64>(), 3 * ORDERS, "{shares:?}");
    stage.finish().await;
}

#[tokio::test]
async fn a_processor_that_stops_under_load_leaves_the_rest_to_the_other() {
    const ORDERS: i64 = 60;
    let mut stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.start(&[Role::Processor]).await;
    stage.stock("WIDGET-01", ORDERS).await;
    let order = order_of("WIDGET-01", 1);
    join_all((0..ORDERS).map(|_| stage.submit(&order))).await;
    stage.stop(Role::Processor).await;
    stage.reach(ORDERS, "confirmed").await;
    stage.finish().await;
}
