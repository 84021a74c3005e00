//! Every kind of bad input is answered with a problem that says where it is, and leaves nothing behind.

use rstest::rstest;
use serde_json::{Value, json};

use super::{order, order_with, orders_in, shop};
use crate::support::{answer, read};

#[rstest]
#[case::no_items("items", json!([]), "/items")]
#[case::items_of_another_type("items", json!("WIDGET-01"), "/items")]
#[case::too_many_items("items", json!(vec![json!({"sku": "WIDGET-01", "quantity": 1}); 101]), "/items")]
#[case::negative_quantity("items", json!([{"sku": "WIDGET-01", "quantity": -1}]), "/items/0/quantity")]
#[case::zero_quantity("items", json!([{"sku": "WIDGET-01", "quantity": 0}]), "/items/0/quantity")]
#[case::huge_quantity("items", json!([{"sku": "WIDGET-01", "quantity": 10_001}]), "/items/0/quantity")]
#[case::quantity_beyond_any_integer("items", json!([{"sku": "WIDGET-01", "quantity": 1e300}]), "/items/0/quantity")]
#[case::quantity_as_text("items", json!([{"sku": "WIDGET-01", "quantity": "2"}]), "/items/0/quantity")]
#[case::unknown_sku("items", json!([{"sku": "NOTHING", "quantity": 1}]), "/items/0/sku")]
#[case::price_that_differs("items", json!([{"sku": "WIDGET-01", "quantity": 2, "price": 19.98}]), "/items/0/price")]
#[case::total_that_differs("total", json!(39.97), "/total")]
#[case::customer_of_another_type("customer_id", json!(7), "/customer_id")]
#[case::no_customer("customer_id", json!(null), "/customer_id")]
#[case::impossible_email("email", json!("nobody"), "/email")]
#[case::metadata_of_another_type("metadata", json!([1]), "/metadata")]
#[case::metadata_that_no_database_stores("metadata", json!({"a": ["b", {"c": "x\u{0}"}]}), "/metadata")]
#[case::token_that_no_database_stores("payment_token", json!("tok\u{0}"), "/payment_token")]
#[case::unknown_field("colour", json!("red"), "/colour")]
#[case::unknown_field_of_an_item("items", json!([{"sku": "WIDGET-01", "quantity": 1, "gift": true}]), "/items/0/gift")]
#[tokio::test]
async fn a_value_at_fault_is_named(#[case] field: &str, #[case] value: Value, #[case] pointer: &str) {
    let (database, api) = shop().await;
    let (status, problem) = api.submit(&order_with(field, value)).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/validation")), "{problem}");
    let errors = problem["errors"].as_array().expect("errors");
    assert!(errors.iter().any(|error| error["pointer"] == pointer), "{pointer} is missing in {problem}");
    assert_eq!((problem["status"].as_u64(), &problem["instance"]), (Some(422), &json!("/api/v1/orders")));
    assert_eq!(orders_in(&database).await, 0);
}

#[tokio::test]
async fn all_values_at_fault_are_named_at_once() {
    let (_database, api) = shop().await;
    let (_, problem) = api
        .submit(&json!({"email": "x", "colour": 1, "items": [{"sku": "WIDGET-01", "quantity": 0}, {"quantity": 1}]}))
        .await;
    let mut pointers: Vec<&str> =
        problem["errors"].as_array().expect("errors").iter().filter_map(|error| error["pointer"].as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/colour", "/customer_id", "/email", "/items/0/quantity", "/items/1/sku"]);
}

#[rstest]
#[case::malformed(b"{\"customer_id\": \"c-1\",".to_vec(), "line 1 column 22")]
#[case::empty(Vec::new(), "line 1 column 0")]
#[case::not_utf8(b"{\"email\": \"\xff\"}".to_vec(), "offset 11")]
#[case::nested_without_end(b"[".repeat(100_000), "recursion limit")]
#[tokio::test]
async fn a_body_that_cannot_be_read_says_where_it_breaks(#[case] body: Vec<u8>, #[case] place: &str) {
    let (_database, api) = shop().await;
    let response = api.post_bytes("/api/v1/orders", body).send().await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let (status, problem) = read(response).await;
    assert_eq!((status, &problem["type"]), (400, &json!("/problems/malformed-body")), "{problem}");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(place)), "{place} is missing in {problem}");
}

#[tokio::test]
async fn a_body_that_is_no_object_is_a_fault_of_its_values() {
    let (_database, api) = shop().await;
    let (status, problem) = answer(api.post("/api/v1/orders", &json!([order()]))).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("")), "{problem}");
}

#[tokio::test]
async fn a_body_of_two_megabytes_is_refused_with_an_answer_instead_of_a_reset() {
    let (database, api) = shop().await;
    let body = order_with("metadata", json!({"blob": "x".repeat(2_000_000)})).to_string();
    let (status, problem) = answer(api.post_bytes("/api/v1/orders", body)).await;
    assert_eq!((status, &problem["type"]), (413, &json!("/problems/body-too-large")), "{problem}");
    assert_eq!(orders_in(&database).await, 0);
}

#[tokio::test]
async fn a_body_in_another_format_is_refused() {
    let (_database, api) = shop().await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let request = api.client.post(format!("{}/api/v1/orders", api.address));
        let (status, problem) = answer(request.header("content-type", content_type).body(order().to_string())).await;
        assert_eq!((status, &problem["type"]), (415, &json!("/problems/unsupported-media-type")), "{problem}");
    }
}
