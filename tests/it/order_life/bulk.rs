//! Many orders in one request: a verdict for each, none lost, none twice.

use serde_json::{Value, json};

use crate::support::{Api, TestDatabase, answer};

async fn shop() -> (TestDatabase, Api) {
    let database = TestDatabase::create().await;
    let api = Api::start(database.pool.clone()).await;
    api.create_product("WIDGET-01", 19.99, 100).await;
    (database, api)
}

fn row(key: Option<&str>) -> Value {
    let mut row = json!({
        "customer_id": "c-1", "email": "ada@shop.example", "items": [{"sku": "WIDGET-01", "quantity": 1}]
    });
    if let Some(key) = key {
        row["idempotency_key"] = json!(key);
    }
    row
}

async fn send(api: &Api, orders: &[Value]) -> (u16, Value) {
    answer(api.post("/api/v1/orders/bulk", &json!({"orders": orders}))).await
}

#[tokio::test]
async fn a_thousand_orders_are_accepted_at_once_and_those_at_fault_are_named() {
    let (database, api) = shop().await;
    let mut orders: Vec<Value> = (0..1_000).map(|_| row(None)).collect();
    orders[7]["items"][0]["quantity"] = json!(0);
    orders[8] = json!("no order");
    orders[9]["items"][0]["sku"] = json!("NONE");
    let (status, body) = send(&api, &orders).await;
    assert_eq!((status, &body["accepted"], &body["refused"]), (200, &json!(997), &json!(3)));
    let results = body["results"].as_array().expect("results");
    assert_eq!(results.len(), 1_000);
    for (index, result) in results.iter().enumerate() {
        assert_eq!(result["index"], json!(index));
        match index {
            7 => assert_eq!(result["problem"]["errors"][0]["pointer"], "/items/0/quantity"),
            8 => assert_eq!(result["problem"]["type"], "/problems/validation"),
            9 => assert_eq!(result["problem"]["errors"][0]["pointer"], "/items/0/sku"),
            _ => assert_eq!((&result["verdict"], &result["order"]["status"]), (&json!("accepted"), &json!("pending"))),
        }
    }
    for table in ["select count(*) from orders", "select count(*) from outbox", "select count(*) from order_words"] {
        assert_eq!(database.number(table).await, 997, "{table}");
    }
    let commits = database.number("select count(distinct xmin::text) from orders").await;
    assert!(commits < 100, "{commits} transactions");
}

#[tokio::test]
async fn rows_with_keys_can_be_sent_again_alone_or_among_others() {
    let (database, api) = shop().await;
    let (_, first) = send(&api, &[row(Some("a")), row(Some("b")), row(Some("a"))]).await;
    let id = |body: &Value, index: usize| body["results"][index]["order"]["id"].clone();
    assert_eq!(id(&first, 0), id(&first, 2));
    assert_eq!((&first["results"][0]["replayed"], &first["results"][2]["replayed"]), (&json!(false), &json!(true)));
    let (_, second) = send(&api, &[row(Some("c")), row(Some("b"))]).await;
    assert_eq!((id(&second, 1), &second["results"][1]["replayed"]), (id(&first, 1), &json!(true)));
    let mut other = row(Some("a"));
    other["customer_id"] = json!("c-2");
    let (_, third) = send(&api, &[other]).await;
    assert_eq!(third["results"][0]["problem"]["type"], "/problems/idempotency-key-reused");
    assert_eq!(database.number("select count(*) from orders").await, 3);
}

#[tokio::test]
async fn a_request_with_a_key_gives_one_to_each_row() {
    let (database, api) = shop().await;
    let body = json!({"orders": [row(None), row(None), row(None)]});
    let request = || api.post("/api/v1/orders/bulk", &body).header("Idempotency-Key", "import-1");
    let (_, first) = answer(request()).await;
    let (_, again) = answer(request()).await;
    for index in 0..3 {
        assert_eq!(first["results"][index]["order"], again["results"][index]["order"]);
    }
    assert_eq!(database.number("select count(*) from orders").await, 3);
}

#[tokio::test]
async fn the_key_of_a_request_follows_the_rules_of_every_idempotency_key() {
    let (database, api) = shop().await;
    let body = json!({"orders": [row(None)]});
    let with = |key: &str| api.post("/api/v1/orders/bulk", &body).header("Idempotency-Key", key);
    let longest = "k".repeat(255);
    let (_, first) = answer(with(&longest)).await;
    let (_, again) = answer(with(&format!("\"{longest}\""))).await;
    assert_eq!((&first["accepted"], &again["results"][0]["replayed"]), (&json!(1), &json!(true)), "{first} {again}");
    let (status, problem) = answer(with(&"k".repeat(256))).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/Idempotency-Key")), "{problem}");
    assert_eq!(database.number("select count(*) from orders").await, 1);
}

#[tokio::test]
async fn a_row_with_a_key_of_null_goes_by_the_key_of_the_request() {
    let (database, api) = shop().await;
    let mut keyless = row(None);
    keyless["idempotency_key"] = Value::Null;
    for rows in [[row(None)], [keyless]] {
        let body = json!({"orders": rows});
        let (_, verdicts) = answer(api.post("/api/v1/orders/bulk", &body).header("Idempotency-Key", "import-1")).await;
        assert_eq!(verdicts["accepted"], json!(1), "{verdicts}");
    }
    assert_eq!(database.number("select count(*) from orders").await, 1);
}

#[tokio::test]
async fn a_request_that_is_no_list_of_orders_is_refused_as_a_whole() {
    let (database, api) = shop().await;
    let (status, problem) =
        answer(api.post("/api/v1/orders/bulk", &json!({"orders": [row(None)], "dry_run": true}))).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/dry_run")), "{problem}");
    let too_many: Vec<Value> = (0..1_001).map(|_| row(None)).collect();
    for (orders, words) in [(json!([]), "empty"), (json!(too_many), "at most 1000"), (json!("all"), "list")] {
        let (status, problem) = answer(api.post("/api/v1/orders/bulk", &json!({"orders": orders}))).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/orders")));
        assert!(problem["errors"][0]["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{problem}");
    }
    assert_eq!(database.number("select count(*) from orders").await, 0);
}
