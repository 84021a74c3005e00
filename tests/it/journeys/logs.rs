//! The log of the whole fleet: every service tells of the order, under the customer's correlation id, and none tells the address.

use serde_json::json;

use crate::support::fleet::Fleet;
use crate::support::{Options, Stage, eventually, order_of};

const CORRELATION_ID: &str = "visit-4711";

#[tokio::test]
async fn every_service_logs_the_order_and_its_correlation_id_and_none_the_address_or_the_number() {
    let stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 5).await;
    let mut fleet = Fleet::start(&stage, &[("RUST_LOG", "info,order_fleet=debug,lapin=off,sqlx=warn")]).await;
    let orders = format!("{}/api/v1/orders", fleet.address);
    let request = stage.api.client.post(&orders).header("x-correlation-id", CORRELATION_ID);
    let answer = request.json(&order_of("WIDGET-01", 1)).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    let order: serde_json::Value = answer.json().await.expect("JSON");
    let id = order["id"].as_str().expect("an id");
    stage.reaches(id, "confirmed").await;
    // and a message that nobody can read, with the address in it
    let mut bad = order_of("WIDGET-01", 0);
    bad["id"] = json!("no id");
    stage.publish_order(bad.to_string().as_bytes()).await;
    eventually("everything is written down", async || {
        let told = stage.database.number("select count(*) from notification_deliveries").await;
        let dead = stage.database.number("select count(*) from dead_letters").await;
        let events = stage.database.number("select count(*) from recorded_events").await;
        ((told, dead, events) == (2, 1, 2)).then_some(())
    })
    .await;
    assert_eq!(fleet.terminate().await.code(), Some(0));

    let log = fleet.log();
    for service in ["intake", "lifecycle", "inventory_service", "payment_service", "notifier", "analytics_service"] {
        let tells = log.iter().any(|line| {
            let target = line["target"].as_str().unwrap_or_default();
            let text = line.to_string();
            target.contains(service) && text.contains(id) && text.contains(CORRELATION_ID)
        });
        assert!(tells, "{service} does not tell of the order in {log:#?}");
    }
    for line in &log {
        let text = line.to_string();
        for secret in ["ada@shop.example", "4930123456"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    stage.finish().await;
}
