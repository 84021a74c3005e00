//! Stock as operators look at it and move it: once per key, low, promised, moved, and as it was.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::shop;
use crate::support::{Api, answer, eventually};

const PATH: &str = "/api/v1/products/WIDGET-01/adjustments";

/// Asks again under the same key while the API is busy.
async fn adjust(api: &Api, delta: i64, key: &str) -> reqwest::Response {
    let body = json!({"delta": delta, "reason": "delivery"});
    eventually("the adjustment is answered", async || {
        let answered = api.post(PATH, &body).header("Idempotency-Key", key).send().await.expect("an answer");
        (answered.status() != 503).then_some(answered)
    })
    .await
}

#[tokio::test]
async fn an_adjustment_with_a_key_moves_the_stock_once() {
    let (database, api) = shop().await;
    let mut bodies = Vec::new();
    for replayed in [false, true, true] {
        let response = adjust(&api, 5, "delivery-1").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().contains_key("idempotency-replayed"), replayed);
        bodies.push(response.text().await.expect("a body"));
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_eq!(database.number("select on_hand from stock").await, 105);
    let (status, problem) =
        answer(api.post(PATH, &json!({"delta": 6, "reason": "delivery"})).header("Idempotency-Key", "delivery-1"))
            .await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/idempotency-key-reused")));
    // a refusal keeps no key: mended, the request may succeed under it
    assert_eq!(adjust(&api, -500, "theft").await.status(), 409);
    assert_eq!(adjust(&api, -5, "theft").await.status(), 200);
    assert_eq!(database.number("select on_hand from stock").await, 100);
    assert_eq!(
        database.number("select count(*) from stock_movements where kind = 'adjust' and actor is not null").await,
        2
    );
}

#[tokio::test]
async fn fifty_adjustments_with_one_key_at_once_are_one() {
    let (database, api) = shop().await;
    let requests = (0..50).map(|_| adjust(&api, 7, "one"));
    for response in futures_util::future::join_all(requests).await {
        assert_eq!(response.status(), 200);
    }
    assert_eq!(database.number("select on_hand from stock").await, 107);
}

#[tokio::test]
async fn what_runs_out_is_listed_by_each_products_own_threshold() {
    let (database, api) = shop().await;
    for (sku, stock) in [("A", 3), ("B", 3), ("C", 0), ("D", 0)] {
        api.create_product(sku, 2.5, stock).await;
    }
    assert_eq!(answer(api.patch("/api/v1/products/B", &json!({"low_stock_threshold": 2}))).await.0, 200);
    assert_eq!(answer(api.delete("/api/v1/products/D")).await.0, 200);
    let low = async || {
        let (_, page) = answer(api.get("/api/v1/inventory/low-stock")).await;
        let products = page["products"].as_array().expect("products");
        products.iter().map(|product| product["sku"].as_str().expect("a sku").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(low().await, ["C"]);
    database.execute("update stock set reserved = 1 where sku = 'B'").await;
    assert_eq!(low().await, ["B", "C"]);
    let (_, summary) = answer(api.get("/api/v1/inventory/summary")).await;
    let expected = json!({
        "products": 5, "active": 4, "on_hand": 106, "reserved": 1, "available": 105, "value": "2014.00", "low_stock": 2,
        "out_of_stock": 1, "open_reservations": 0
    });
    assert_eq!(summary, expected);
}

fn now() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).expect("a time")
}

#[tokio::test]
async fn a_shelf_is_shown_as_it_was_at_any_time() {
    let (database, api) = shop().await;
    let before = "2020-01-01T00:00:00Z";
    let mut moments = vec![(now(), 100, 0)];
    assert_eq!(adjust(&api, 20, "k1").await.status(), 200);
    moments.push((now(), 120, 0));
    for (kind, quantity, (on_hand, reserved)) in
        [("reserve", 8, (120, 8)), ("release", 3, (120, 5)), ("commit", 5, (115, 0))]
    {
        sqlx::query("insert into stock_movements (sku, order_id, kind, quantity) values ('WIDGET-01', gen_random_uuid(), $1, $2)")
            .bind(kind)
            .bind(i64::from(quantity))
            .execute(&database.pool)
            .await
            .expect("a movement");
        sqlx::query("update stock set on_hand = $1, reserved = $2")
            .bind(i64::from(on_hand))
            .bind(i64::from(reserved))
            .execute(&database.pool)
            .await
            .expect("a shelf");
        moments.push((now(), on_hand.into(), reserved.into()));
    }
    for (at, on_hand, reserved) in moments {
        let (status, stock) = answer(api.get(&format!("/api/v1/products/WIDGET-01/stock?at={at}"))).await;
        let seen = (status, stock["on_hand"].as_i64(), stock["reserved"].as_i64(), stock["available"].as_i64());
        assert_eq!(seen, (200, Some(on_hand), Some(reserved), Some(on_hand - reserved)), "{at}: {stock}");
        assert_eq!(stock["price"], 19.99);
    }
    assert_eq!(answer(api.get("/api/v1/products/WIDGET-01/stock")).await.1["on_hand"], 115);
    assert_eq!(answer(api.get(&format!("/api/v1/products/WIDGET-01/stock?at={before}"))).await.0, 404);
    assert_eq!(answer(api.get("/api/v1/products/NONE/stock")).await.0, 404);
    let (status, problem) = answer(api.get("/api/v1/products/WIDGET-01/stock?at=yesterday")).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/at")));
}

#[tokio::test]
async fn movements_are_listed_newest_first_in_pages_and_by_product_kind_and_order() {
    let (database, api) = shop().await;
    api.create_product("OTHER", 1.0, 1).await;
    for n in 0..3 {
        assert_eq!(adjust(&api, 1, &format!("k{n}")).await.status(), 200);
    }
    let order = "00000000-0000-0000-0000-000000000007";
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "insert into reservations (order_id, status, lines) values ('{order}', 'reserved', '[]');
         insert into stock_movements (sku, order_id, kind, quantity) values ('WIDGET-01', '{order}', 'reserve', 1)"
    )))
    .execute(&database.pool)
    .await
    .expect("a reservation");
    let page = async |query: &str| {
        let (status, page) = answer(api.get(&format!("/api/v1/inventory/transactions{query}"))).await;
        assert_eq!(status, 200, "{page}");
        let kinds = page["transactions"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| row["kind"].as_str().expect("a kind").to_owned());
        (kinds.collect::<Vec<_>>(), page["next_cursor"].as_str().map(str::to_owned))
    };
    let (first, cursor) = page("?limit=2&sku=WIDGET-01").await;
    assert_eq!(first, ["reserve", "adjust"]);
    let (second, last) = page(&format!("?limit=3&sku=WIDGET-01&cursor={}", cursor.expect("more"))).await;
    assert_eq!((second.join(" "), last), ("adjust adjust initial".to_owned(), None));
    assert_eq!(page("?kind=initial").await.0.len(), 2);
    let sql = "update stock_movements set at = (select created_at from reservations) where order_id is not null";
    database.execute(sql).await;
    assert_eq!(page(&format!("?order_id={order}")).await.0, ["reserve"]);
    let (status, problem) = answer(api.get("/api/v1/inventory/transactions?kind=theft&order=7")).await;
    let pointers: Vec<&Value> =
        problem["errors"].as_array().expect("errors").iter().map(|error| &error["pointer"]).collect();
    assert_eq!((status, pointers), (422, vec![&json!("/kind"), &json!("/order")]));
}

#[tokio::test]
async fn reservations_are_found_by_product_by_order_and_by_status() {
    let (database, api) = shop().await;
    for (n, status, sku) in [(1, "reserved", "A"), (2, "reserved", "B"), (3, "committed", "A"), (4, "rejected", "A")] {
        sqlx::query("insert into reservations (order_id, status, lines) values ($1, $2, $3)")
            .bind(uuid::Uuid::from_u128(n))
            .bind(status)
            .bind(json!([{"sku": sku, "quantity": n as i64}]))
            .execute(&database.pool)
            .await
            .expect("a reservation");
    }
    let quantities = async |query: &str| {
        let (status, page) = answer(api.get(&format!("/api/v1/inventory/reservations{query}"))).await;
        assert_eq!(status, 200, "{page}");
        let rows = page["reservations"].as_array().expect("rows").iter();
        rows.map(|row| row["items"][0]["quantity"].as_i64().expect("units")).collect::<Vec<_>>()
    };
    assert_eq!(quantities("").await, [2, 1]);
    assert_eq!(quantities("?limit=1&cursor=00000000-0000-0000-0000-000000000002").await, [1]);
    assert_eq!(quantities("?sku=A&status=all").await, [4, 3, 1]);
    assert_eq!(quantities("?sku=A&status=committed").await, [3]);
    assert_eq!(quantities("?order_id=00000000-0000-0000-0000-000000000004").await, [4]);
    assert_eq!(answer(api.get("/api/v1/inventory/reservations?status=gone")).await.0, 422);
}
