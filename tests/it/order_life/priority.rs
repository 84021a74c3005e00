//! Orders with high priority overtake those that wait.

use serde_json::json;
use uuid::Uuid;

use crate::support::{Options, Role, Stage, eventually, order_of};

const BACKLOG: usize = 600;

#[tokio::test]
async fn an_urgent_order_overtakes_the_backlog() {
    // what a consumer has in hand already is not overtaken
    let mut stage = Stage::set(Options { prefetch: 32, ..Options::default() }).await;
    stage.stock("WIDGET-01", 10_000).await;
    // a backlog of orders that the processor has not seen
    let (accepted, body) = {
        let orders: Vec<_> = (0..BACKLOG).map(|_| order_of("WIDGET-01", 1)).collect();
        crate::support::answer(stage.api.post("/api/v1/orders/bulk", &json!({"orders": orders}))).await
    };
    assert_eq!((accepted, &body["accepted"]), (200, &json!(BACKLOG)));
    let mut urgent = order_of("WIDGET-01", 1);
    urgent["priority"] = json!("high");
    let id = stage.submit(&urgent).await;
    eventually("all wait in their queues", async || {
        let depths = (stage.client.depth("order_processing").await, stage.client.depth("order_processing_high").await);
        (depths == (u32::try_from(BACKLOG).expect("small"), 1)).then_some(())
    })
    .await;
    stage.start(&Role::WORKERS).await;
    let order = stage.reaches(&id, "confirmed").await;
    assert_eq!(order["priority"], json!("high"));
    stage.settle().await;
    stage.reach(i64::try_from(BACKLOG).expect("small") + 1, "confirmed").await;
    let before: i64 = sqlx::query_scalar(
        "select count(*) from orders where confirmed_at < (select confirmed_at from orders where id = $1)",
    )
    .bind(Uuid::parse_str(&id).expect("an id"))
    .fetch_one(&stage.database.pool)
    .await
    .expect("counted");
    assert!(before < 300, "{before} of {BACKLOG} orders that came before it were confirmed before it");
    stage.finish().await;
}

#[tokio::test]
async fn messages_about_an_urgent_order_say_so_to_brokers_that_care() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 10).await;
    let mut urgent = order_of("WIDGET-01", 1);
    urgent["priority"] = json!("high");
    stage.submit(&urgent).await;
    stage.start(&[Role::Processor]).await;
    let request = stage.client.next("inventory_requests").await;
    assert_eq!(request.properties.priority(), &Some(9));
    let (status, problem) = {
        let mut order = order_of("WIDGET-01", 1);
        order["priority"] = json!("urgent");
        stage.api.submit(&order).await
    };
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/priority")));
    stage.finish().await;
}
