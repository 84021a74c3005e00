//! An order comes in by HTTP and goes well: everything happens, and everything happens once.

use serde_json::{Value, json};

use crate::support::{Options, Stage, eventually, order_of};

#[tokio::test]
async fn an_order_is_confirmed_with_stock_sold_payment_taken_and_the_customer_told() {
    let stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 10).await;
    let id = stage.submit(&order_of("WIDGET-01", 2)).await;
    let order = stage.reaches(&id, "confirmed").await;
    assert_eq!((&order["total"], &order["saga"]), (&json!(39.98), &Value::Null));

    eventually("the stock is sold", async || (stage.shelf("WIDGET-01").await == (8, 0)).then_some(())).await;
    assert_eq!(stage.ledger(&id).await, [("reserve".to_owned(), 2), ("commit".to_owned(), 2)]);
    assert_eq!(stage.payment(&id).await.as_deref(), Some("taken"));
    let money: String = sqlx::query_scalar("select amount::text from payments")
        .fetch_one(&stage.database.pool)
        .await
        .expect("one payment");
    assert_eq!((money.as_str(), stage.gateway.totals().charges), ("39.98", 1));

    let deliveries = "select count(*) from notification_deliveries";
    eventually("mail and push are out", async || (stage.database.number(deliveries).await == 2).then_some(())).await;
    let (mails, pushes) = (stage.sent("mail"), stage.sent("push"));
    assert_eq!((mails.len(), pushes.len(), stage.sent("sms").len()), (1, 1, 0));
    for part in ["To: ada@shop.example", id.as_str(), "WIDGET-01", "39.98"] {
        assert!(mails[0].contains(part), "{part} is missing in {}", mails[0]);
    }
    assert!(pushes[0].contains(&id), "{}", pushes[0]);
    let recipients: Vec<String> =
        sqlx::query_scalar("select recipient from notification_deliveries where channel = 'email'")
            .fetch_all(&stage.database.pool)
            .await
            .expect("deliveries");
    assert_eq!(recipients, ["a***@shop.example"]);

    let events = stage.events().await;
    assert_eq!(events.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["order.created", "order.confirmed"]);
    for (event, status) in events.iter().map(|(_, event)| event).zip(["processing", "confirmed"]) {
        assert_eq!((&event["id"], &event["status"], &event["total"]), (&json!(id), &json!(status), &json!(39.98)));
    }

    let timeline: Vec<Value> =
        order["timeline"].as_array().expect("a timeline").iter().map(|e| e["event"].clone()).collect();
    assert_eq!(timeline, ["accepted", "submitted", "stock_reserved", "payment_taken"]);
    stage.finish().await;
}
