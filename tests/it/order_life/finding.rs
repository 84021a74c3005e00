//! The filters of the list: each finds what it says, together with any other, and pages stay stable while orders come in.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Api, TestDatabase, answer};

async fn shop() -> (TestDatabase, Api) {
    let database = TestDatabase::create().await;
    let api = Api::start(database.pool.clone()).await;
    for sku in ["A", "B/7"] {
        api.create_product(sku, 10.0, 1_000).await;
    }
    (database, api)
}

async fn order(api: &Api, customer: &str, skus: &[&str], metadata: Value) -> String {
    let items: Vec<Value> = skus.iter().map(|sku| json!({"sku": sku, "quantity": 1})).collect();
    let order = json!({
        "customer_id": customer, "email": format!("{customer}@shop.example"), "phone": "+49 170 555-01",
        "items": items, "metadata": metadata
    });
    let (status, body) = api.submit(&order).await;
    assert_eq!(status, 202, "{body}");
    body["id"].as_str().expect("an id").to_owned()
}

async fn found(api: &Api, query: &str) -> Vec<String> {
    let (status, page) = answer(api.get(&format!("/api/v1/orders?{query}"))).await;
    assert_eq!(status, 200, "{query}: {page}");
    let orders = page["orders"].as_array().expect("orders");
    orders.iter().map(|order| order["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn every_filter_finds_what_it_says_alone_and_with_the_others() {
    let (database, api) = shop().await;
    let ada = order(&api, "ada-1", &["A"], json!({"po": "PO-4711", "deep": {"po": "hidden"}})).await;
    let bob = order(&api, "bob-2", &["A", "B/7"], json!({})).await;
    let eve = order(&api, "eve-3", &["B/7"], json!({"campaign": "Winter Sale"})).await;
    for (id, day) in [(&ada, 1), (&bob, 2), (&eve, 3)] {
        for statement in [
            "update orders set created_at = make_timestamptz(2026, 1, $2, 12, 0, 0, 'UTC') where id = $1::uuid",
            "update order_skus set created_at = make_timestamptz(2026, 1, $2, 12, 0, 0, 'UTC') where order_id = $1::uuid",
        ] {
            sqlx::query(statement).bind(id).bind(day).execute(&database.pool).await.expect("dated");
        }
    }
    sqlx::query("update orders set status = 'confirmed' where id = $1::uuid")
        .bind(&bob)
        .execute(&database.pool)
        .await
        .expect("set");
    let (all, none) = (vec![eve.clone(), bob.clone(), ada.clone()], Vec::<String>::new());
    let (ada, bob, eve) = (vec![ada], vec![bob], vec![eve]);
    for (query, expected) in [
        ("", &all),
        ("status=confirmed", &bob),
        ("customer=eve-3", &eve),
        ("customer=eve", &none),
        ("sku=B%2F7&status=pending", &eve),
        ("sku=A&customer=ada-1", &ada),
        ("sku=A&from=2026-01-02", &bob),
        ("sku=A&to=2026-01-02", &ada),
        ("from=2026-01-02T12:00:00Z&to=2026-01-03T12:00:00%2B00:00", &bob),
        ("text=ada", &ada),
        ("text=ADA%40SHOP", &ada),
        ("text=po-47", &ada),
        ("text=hidden", &none),
        ("text=sale%20wint&sku=B%2F7", &eve),
        ("text=4917055501", &all),
        ("text=shop&status=confirmed&customer=bob-2&sku=A&from=2026-01-01&to=2026-02-01", &bob),
    ] {
        assert_eq!(&found(&api, query).await, expected, "{query}");
    }
    assert_eq!(found(&api, &format!("text={}", bob[0])).await, bob);
    assert_eq!(found(&api, &format!("text={}&status=pending", bob[0])).await, none);
}

#[tokio::test]
async fn filtered_pages_show_every_order_once_while_new_ones_come_in() {
    let (_database, api) = shop().await;
    let mut expected = BTreeSet::new();
    for number in 0..12 {
        let id = order(&api, "ada-1", &["A", "B/7"], json!({})).await;
        expected.insert(id);
        order(&api, &format!("other-{number}"), &["A"], json!({})).await;
    }
    for filter in ["customer=ada-1", "sku=B%2F7", "text=ada", "sku=B%2F7&customer=ada-1&status=pending&text=shop"] {
        let (mut seen, mut path) = (Vec::new(), format!("/api/v1/orders?limit=5&{filter}"));
        loop {
            let (_, page) = answer(api.get(&path)).await;
            seen.extend(
                page["orders"].as_array().expect("orders").iter().map(|o| o["id"].as_str().expect("id").to_owned()),
            );
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/api/v1/orders?limit=5&{filter}&cursor={cursor}");
            // comes in between, newer than what was seen
            order(&api, "zoe-9", &["A"], json!({})).await;
        }
        assert_eq!((seen.len(), seen.into_iter().collect::<BTreeSet<_>>()), (12, expected.clone()), "{filter}");
    }
}

#[tokio::test]
async fn filters_at_fault_are_all_named() {
    let (_database, api) = shop().await;
    let query = "status=done&customer=a%20b&sku=%20&from=yesterday&to=2026-13-01&text=%40";
    let (status, problem) = answer(api.get(&format!("/api/v1/orders?{query}"))).await;
    let pointers: Vec<&str> =
        problem["errors"].as_array().expect("errors").iter().filter_map(|error| error["pointer"].as_str()).collect();
    assert_eq!((status, pointers), (422, vec!["/status", "/customer", "/sku", "/from", "/to", "/text"]));
}
