//! Notes: written, kept, found.

use serde_json::json;
use uuid::Uuid;

use crate::support::{Api, TestDatabase, answer};

#[tokio::test]
async fn notes_are_kept_in_their_order_with_their_author_and_the_order_is_found_by_them() {
    let database = TestDatabase::create().await;
    let api = Api::start(database.pool.clone()).await;
    api.create_product("WIDGET-01", 19.99, 100).await;
    let order = json!({"customer_id": "c-1", "email": "a@b.example", "items": [{"sku": "WIDGET-01", "quantity": 1}]});
    let (_, order) = api.submit(&order).await;
    let path = format!("/api/v1/orders/{}/notes", order["id"].as_str().expect("an id"));
    for (text, visibility) in [("customer called: ring twice", None), ("we are sorry\nfor the delay", Some("public"))] {
        let mut body = json!({"text": text});
        body["visibility"] = json!(visibility);
        let (status, note) = answer(api.post(&path, &body)).await;
        assert_eq!((status, &note["text"], &note["author"]), (201, &json!(text), &json!("anyone")), "{note}");
        assert_eq!(note["visibility"], json!(visibility.unwrap_or("internal")));
    }
    let (_, first) = answer(api.get(&format!("{path}?limit=1"))).await;
    assert_eq!(first["notes"][0]["text"], "customer called: ring twice");
    let cursor = first["next_cursor"].as_str().expect("more");
    let (_, second) = answer(api.get(&format!("{path}?limit=1&cursor={cursor}"))).await;
    assert_eq!((&second["notes"][0]["visibility"], &second["next_cursor"]), (&json!("public"), &json!(null)));
    let (_, found) = answer(api.get("/api/v1/orders?text=ring%20twi")).await;
    assert_eq!(found["orders"][0]["id"], order["id"]);

    let (status, problem) = answer(api.post(&path, &json!({"text": " ", "visibility": "secret"}))).await;
    assert_eq!((status, problem["errors"].as_array().map(Vec::len)), (422, Some(2)), "{problem}");
    let elsewhere = format!("/api/v1/orders/{}/notes", Uuid::new_v4());
    assert_eq!(answer(api.get(&elsewhere)).await.0, 404);
    assert_eq!(answer(api.post(&elsewhere, &json!({"text": "x"}))).await.0, 404);
}
