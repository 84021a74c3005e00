//! The database goes away under load and comes back: nobody spends an attempt on it, and nothing is dead-lettered.

use std::time::Duration;

use order_fleet::stand_ins::Weather;

use crate::support::{Options, Stage, eventually, order_of};

#[tokio::test]
async fn an_outage_of_the_database_is_waited_out_without_spending_attempts() {
    let stage = Stage::of_the_whole_fleet(Options { proxied: true, ..Options::default() }).await;
    stage.stock("WIDGET-01", 100).await;
    for _ in 0..10 {
        stage.submit(&order_of("WIDGET-01", 1)).await;
    }
    let proxy = stage.proxy.as_ref().expect("a proxy");
    proxy.set(Weather::Cut);
    // straight to the broker, so that there is something to do while the database is away
    for _ in 0..10 {
        let order = serde_json::json!({
            "id": uuid::Uuid::new_v4(), "customer_id": "c-1", "email": "ada@shop.example",
            "items": [{"sku": "WIDGET-01", "quantity": 1}]
        });
        stage.publish_order(order.to_string().as_bytes()).await;
    }
    eventually("the order-processor says that the database is away", async || {
        stage.is_unready_because("order-processor-1", "the database is away").then_some(())
    })
    .await;
    // longer than the whole ladder would take
    tokio::time::sleep(Duration::from_millis(1600)).await;
    assert_eq!(stage.client.depth("dead_letters").await, 0);
    for rung in 0..3 {
        assert_eq!(stage.client.depth(&format!("order_retry_{rung}")).await, 0, "no attempt is spent on an outage");
    }
    proxy.set(Weather::Fair);
    stage.reach(20, "confirmed").await;
    let totals = stage.gateway.totals();
    assert_eq!((totals.charges, totals.refunds), (20, 0));
    eventually("everybody is ready again", async || stage.is_ready("order-processor-1").then_some(())).await;
    stage.finish().await;
}
