//! Shipped and delivered: once, in this order, and the customer learns the tracking number.

use serde_json::json;
use uuid::Uuid;

use super::whole_fleet;
use crate::support::{eventually, order_of};

#[tokio::test]
async fn a_confirmed_order_is_shipped_and_delivered_and_the_customer_learns_of_both() {
    let mut stage = whole_fleet().await;
    let id = stage.submit(&order_of("WIDGET-01", 1)).await;
    stage.reaches(&id, "confirmed").await;
    let (status, order) = stage.ship(&id, "JD014-600").await;
    assert_eq!((status, &order["status"]), (200, &json!("shipped")), "{order}");
    assert_eq!(
        (&order["shipment"]["carrier"], &order["shipment"]["tracking_number"]),
        (&json!("DHL"), &json!("JD014-600"))
    );
    // the same parcel again, in another case: nothing happens
    let (status, again) = stage.ship(&id, "jd014-600").await;
    assert_eq!((status, &again["shipment"]), (200, &order["shipment"]));
    let (status, order) = stage.ask(&id, "deliver", &json!({"reason": "signed by the neighbour"})).await;
    assert_eq!((status, &order["status"]), (200, &json!("delivered")), "{order}");
    assert!(order["delivered_at"].is_string());
    assert_eq!(stage.ask(&id, "deliver", &json!({})).await.0, 200);
    // and the parcel once more, when it has long arrived
    assert_eq!(stage.ship(&id, "JD014-600").await.0, 200);
    stage.is_audited_clean().await;
    let texts = stage.sent("sms");
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("with DHL, parcel JD014-600")), "{texts:?}");
    let pushes = stage.sent("push");
    assert!(pushes.iter().any(|push| push.contains("JD014-600") && push.contains("Order shipped")), "{pushes:?}");
    let events: Vec<String> = sqlx::query_scalar(
        "select routing_key from recorded_events where order_id = $1 order by recorded_at, routing_key",
    )
    .bind(Uuid::parse_str(&id).expect("an id"))
    .fetch_all(&stage.database.pool)
    .await
    .expect("events");
    let mut sorted = events.clone();
    sorted.sort();
    assert_eq!(sorted, ["order.confirmed", "order.created", "order.delivered", "order.shipped"]);
    let history: i64 =
        stage.database.number("select count(*) from order_history where event in ('shipped', 'delivered')").await;
    assert_eq!(history, 2, "what was harmless left no trace");
    stage.finish().await;
}

#[tokio::test]
async fn what_the_state_does_not_allow_is_refused_with_what_it_does_allow() {
    let stage = whole_fleet().await;
    let pending = stage.submit(&order_of("WIDGET-01", 1_000)).await;
    stage.reaches(&pending, "failed").await;
    let failed = pending;
    let confirmed = stage.submit(&order_of("WIDGET-01", 1)).await;
    stage.reaches(&confirmed, "confirmed").await;
    let shipped = stage.submit(&order_of("WIDGET-01", 1)).await;
    stage.reaches(&shipped, "confirmed").await;
    assert_eq!(stage.ship(&shipped, "P-1").await.0, 200);
    let parcel = |number: &str| json!({"carrier": "DHL", "tracking_number": number});
    for (id, verb, body, current, allowed) in [
        (&failed, "cancel", json!({}), "failed", vec![]),
        (&failed, "ship", parcel("P-2"), "failed", vec![]),
        (&failed, "deliver", json!({}), "failed", vec![]),
        (&confirmed, "deliver", json!({}), "confirmed", vec!["shipped", "cancelled"]),
        (&shipped, "cancel", json!({}), "shipped", vec!["delivered"]),
        (&shipped, "ship", parcel("P-3"), "shipped", vec!["delivered"]),
    ] {
        let (status, problem) = stage.ask(id, verb, &body).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/illegal-transition")), "{problem}");
        assert_eq!(
            (&problem["current_status"], &problem["allowed_statuses"]),
            (&json!(current), &json!(allowed)),
            "{problem}"
        );
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(current)), "{problem}");
        assert_eq!(problem["instance"], json!(format!("/api/v1/orders/{id}/{verb}")));
    }
    let (status, problem) =
        stage.ask(&confirmed, "ship", &json!({"carrier": " ", "tracking_number": "a b", "weight": 1})).await;
    let pointers: Vec<&str> =
        problem["errors"].as_array().expect("errors").iter().filter_map(|error| error["pointer"].as_str()).collect();
    assert_eq!((status, pointers), (422, vec!["/carrier", "/tracking_number", "/weight"]));
    stage.finish().await;
}

#[tokio::test]
async fn a_shipped_order_is_found_by_its_tracking_number() {
    let stage = whole_fleet().await;
    let id = stage.submit(&order_of("WIDGET-01", 1)).await;
    stage.reaches(&id, "confirmed").await;
    stage.ship(&id, "00340434-XY").await;
    eventually("it is found", async || {
        let (_, page) = crate::support::answer(stage.api.get("/api/v1/orders?text=00340434-xy")).await;
        (page["orders"][0]["id"] == json!(id)).then_some(())
    })
    .await;
    stage.finish().await;
}
