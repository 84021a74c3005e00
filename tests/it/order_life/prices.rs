//! The price that the customer agreed to.

use serde_json::json;

use crate::support::{Api, TestDatabase, answer};

#[tokio::test]
async fn an_order_at_another_price_than_expected_is_refused_as_that_and_makes_nothing() {
    let database = TestDatabase::create().await;
    let api = Api::start(database.pool.clone()).await;
    api.create_product("WIDGET-01", 19.99, 100).await;
    let order = |item: serde_json::Value, total: serde_json::Value| {
        let mut order = json!({"customer_id": "c-1", "email": "ada@shop.example", "items": [
            {"sku": "WIDGET-01", "quantity": 2, "expected_price": item}
        ]});
        order["expected_price"] = total;
        order
    };
    for (order, pointer) in [
        (order(json!(18.99), json!(null)), "/items/0/expected_price"),
        (order(json!(null), json!("37.98")), "/expected_price"),
    ] {
        let (status, problem) = answer(api.post("/api/v1/orders", &order).header("Idempotency-Key", "basket-1")).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/price-changed")), "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
        assert!(
            problem["errors"][0]["detail"]
                .as_str()
                .is_some_and(|text| text.contains("19.99") || text.contains("39.98"))
        );
    }
    let mut wrong = order(json!(18.99), json!(null));
    wrong["items"][0]["sku"] = json!("NONE");
    assert_eq!(api.submit(&wrong).await.0, 422, "what is wrong besides counts first");
    assert_eq!(database.number("select count(*) from orders").await, 0);
    let (status, body) = api.submit(&order(json!(19.99), json!(39.98))).await;
    assert_eq!((status, &body["total"]), (202, &json!(39.98)), "{body}");
}
