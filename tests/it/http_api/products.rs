//! Products and their stock.

use serde_json::json;

use super::shop;
use crate::support::{answer, read};

#[tokio::test]
async fn a_product_is_created_with_its_stock_and_its_ledger() {
    let (database, api) = shop().await;
    let new = json!({"sku": "GADGET/02", "name": "Gadget", "price": 5, "stock": 7, "low_stock_threshold": 3});
    let response = api.post("/api/v1/products", &new).send().await.expect("an answer");
    let location = response.headers()["location"].to_str().expect("text").to_owned();
    let (status, created) = read(response).await;
    assert_eq!((status, location.as_str()), (201, "/api/v1/products/GADGET%2F02"), "{created}");
    let expected = json!({
        "sku": "GADGET/02", "name": "Gadget", "price": 5.0, "active": true, "low_stock_threshold": 3, "on_hand": 7,
        "reserved": 0, "available": 7
    });
    assert_eq!(created, expected);
    assert_eq!(answer(api.get(&location)).await, (200, expected));
    let ledger = "select quantity from stock_movements where sku = 'GADGET/02' and kind = 'initial'";
    assert_eq!(database.number(ledger).await, 7);
    let (status, problem) = answer(api.post("/api/v1/products", &new)).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/conflict")));
}

#[tokio::test]
async fn a_product_with_faults_is_refused_with_all_of_them() {
    let (database, api) = shop().await;
    let bad = json!({"sku": "a b", "name": " ", "stock": -1, "low_stock_threshold": 1.5, "colour": "red"});
    let (status, problem) = answer(api.post("/api/v1/products", &bad)).await;
    assert_eq!(status, 422);
    let mut pointers: Vec<&str> =
        problem["errors"].as_array().expect("errors").iter().filter_map(|error| error["pointer"].as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/colour", "/low_stock_threshold", "/name", "/price", "/sku", "/stock"]);
    assert_eq!(database.number("select count(*) from products").await, 1);
}

#[tokio::test]
async fn stock_is_adjusted_with_a_ledger_row_and_never_below_what_is_reserved() {
    let (database, api) = shop().await;
    let path = "/api/v1/products/WIDGET-01/adjustments";
    database.execute("update stock set reserved = 40").await;
    let (status, product) = answer(api.post(path, &json!({"delta": -60, "reason": "stocktaking"}))).await;
    assert_eq!((status, &product["on_hand"], &product["available"]), (200, &json!(40), &json!(0)), "{product}");
    let (status, problem) = answer(api.post(path, &json!({"delta": -1, "reason": "theft"}))).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/conflict")), "{problem}");
    assert_eq!(database.number("select on_hand from stock").await, 40);
    assert_eq!(database.number("select sum(quantity)::bigint from stock_movements").await, 40);
    for bad in [json!({"delta": 0, "reason": "x"}), json!({"delta": 1.5, "reason": "x"}), json!({"delta": 1})] {
        assert_eq!(answer(api.post(path, &bad)).await.0, 422, "{bad}");
    }
    let (status, _) = answer(api.post("/api/v1/products/NONE/adjustments", &json!({"delta": 1, "reason": "x"}))).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn products_are_listed_in_pages_by_sku() {
    let (_database, api) = shop().await;
    for n in 0..5 {
        api.create_product(&format!("A-{n}"), 1.0, n).await;
    }
    let (_, first) = answer(api.get("/api/v1/products?limit=4")).await;
    let cursor = first["next_cursor"].as_str().expect("another page");
    let (_, second) = answer(api.get(&format!("/api/v1/products?limit=4&cursor={cursor}"))).await;
    assert_eq!(second["next_cursor"], json!(null));
    let skus: Vec<&str> = [&first, &second]
        .into_iter()
        .flat_map(|page| page["products"].as_array().expect("products"))
        .filter_map(|product| product["sku"].as_str())
        .collect();
    assert_eq!(skus, ["A-0", "A-1", "A-2", "A-3", "A-4", "WIDGET-01"]);
}

#[tokio::test]
async fn a_product_that_is_not_there_is_not_found() {
    let (_database, api) = shop().await;
    for path in ["/api/v1/products/NONE", "/api/v1/products/a%20b", "/api/v1/products/%FF"] {
        let (status, problem) = answer(api.get(path)).await;
        assert_eq!((status, &problem["type"]), (404, &json!("/problems/not-found")), "{path}");
    }
}

#[tokio::test]
async fn a_product_is_changed_in_what_is_named_and_its_prices_are_remembered() {
    let (_database, api) = shop().await;
    let path = "/api/v1/products/WIDGET-01";
    for price in [21.0, 21.0, 18.5] {
        let (status, product) = answer(api.patch(path, &json!({"price": price}))).await;
        assert_eq!((status, &product["price"], &product["name"]), (200, &json!(price), &json!("Product WIDGET-01")));
    }
    let (_, changed) = answer(api.patch(path, &json!({"name": "Widget", "low_stock_threshold": 4}))).await;
    assert_eq!((&changed["name"], &changed["low_stock_threshold"]), (&json!("Widget"), &json!(4)));
    let (_, first) = answer(api.get(&format!("{path}/prices?limit=2"))).await;
    let prices = |page: &serde_json::Value| {
        let rows = page["prices"].as_array().expect("prices").iter();
        rows.map(|row| (row["price"].as_f64().expect("a price"), row["actor"].clone())).collect::<Vec<_>>()
    };
    let by = || json!("anyone");
    assert_eq!(prices(&first), [(18.5, by()), (21.0, by())]);
    let cursor = first["next_cursor"].as_str().expect("more");
    let (_, second) = answer(api.get(&format!("{path}/prices?limit=2&cursor={cursor}"))).await;
    assert_eq!((prices(&second), &second["next_cursor"]), (vec![(19.99, by())], &json!(null)));
    assert_eq!(answer(api.get("/api/v1/products/NONE/prices")).await.0, 404);
}

#[tokio::test]
async fn a_change_with_faults_changes_nothing() {
    let (_database, api) = shop().await;
    let path = "/api/v1/products/WIDGET-01";
    let (status, problem) =
        answer(api.patch(path, &json!({"price": -1, "name": "", "stock": 5, "colour": "red"}))).await;
    let mut pointers: Vec<&str> =
        problem["errors"].as_array().expect("errors").iter().filter_map(|error| error["pointer"].as_str()).collect();
    pointers.sort_unstable();
    assert_eq!((status, pointers), (422, vec!["/colour", "/name", "/price", "/stock"]), "{problem}");
    assert_eq!(answer(api.patch(path, &json!({}))).await.0, 200);
    assert_eq!(answer(api.patch("/api/v1/products/NONE", &json!({"price": 1}))).await.0, 404);
    assert_eq!(answer(api.get(path)).await.1["price"], 19.99);
}

#[tokio::test]
async fn a_product_off_the_shop_cannot_be_ordered_and_old_orders_keep_their_price() {
    let (_database, api) = shop().await;
    let path = "/api/v1/products/WIDGET-01";
    let wish = json!({
        "customer_id": "c-1", "email": "ada@shop.example", "items": [{"sku": "WIDGET-01", "quantity": 2}]
    });
    let (_, order) = api.submit(&wish).await;
    assert_eq!(answer(api.patch(path, &json!({"price": 30}))).await.0, 200);
    let (_, kept) = answer(api.get(&format!("/api/v1/orders/{}", order["id"].as_str().expect("an id")))).await;
    assert_eq!((&kept["total"], &kept["items"][0]["price"]), (&json!(39.98), &json!(19.99)));
    assert_eq!(api.submit(&wish).await.1["total"], 60.0);
    for _ in 0..2 {
        let (status, product) = answer(api.delete(path)).await;
        assert_eq!((status, &product["active"]), (200, &json!(false)));
    }
    let (status, problem) = api.submit(&wish).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/items/0/sku")), "{problem}");
    let count = async |query: &str| {
        answer(api.get(&format!("/api/v1/products{query}"))).await.1["products"].as_array().map(Vec::len)
    };
    assert_eq!(
        (count("").await, count("?active=true").await, count("?active=false").await),
        (Some(1), Some(0), Some(1))
    );
    assert_eq!(answer(api.patch(path, &json!({"active": true}))).await.0, 200);
    assert_eq!(api.submit(&wish).await.0, 202);
}
