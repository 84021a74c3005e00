//! Every kind of bad input is answered with a problem that says where it is, and leaves nothing behind.

use serde_json::{Value, json};

use super::{order, order_with, orders_in, shop};
use crate::support::{answer, read};

/// One database for all of them: none leaves anything behind, which is what the test shows.
#[tokio::test]
async fn a_value_at_fault_is_named() {
    let (database, api) = shop().await;
    let item = |field: &str, value: Value| {
        let mut item = json!({"sku": "WIDGET-01", "quantity": 1});
        item[field] = value;
        json!([item])
    };
    let too_many = json!(vec![json!({"sku": "WIDGET-01", "quantity": 1}); 101]);
    for (fault, field, value, pointer) in [
        ("no items", "items", json!([]), "/items"),
        ("items of another type", "items", json!("WIDGET-01"), "/items"),
        ("an item of another type", "items", json!([1]), "/items/0"),
        ("too many items", "items", too_many, "/items"),
        ("negative quantity", "items", item("quantity", json!(-1)), "/items/0/quantity"),
        ("zero quantity", "items", item("quantity", json!(0)), "/items/0/quantity"),
        ("huge quantity", "items", item("quantity", json!(10_001)), "/items/0/quantity"),
        ("quantity beyond any integer", "items", item("quantity", json!(1e300)), "/items/0/quantity"),
        ("quantity as text", "items", item("quantity", json!("2")), "/items/0/quantity"),
        ("unknown sku", "items", item("sku", json!("NOTHING")), "/items/0/sku"),
        ("price that differs", "items", item("price", json!(19.98)), "/items/0/price"),
        ("unknown field of an item", "items", item("gift", json!(true)), "/items/0/gift"),
        ("total that differs", "total", json!(39.97), "/total"),
        ("total that is too precise", "total", json!(39.975), "/total"),
        ("customer of another type", "customer_id", json!(7), "/customer_id"),
        ("no customer", "customer_id", json!(null), "/customer_id"),
        ("impossible e-mail address", "email", json!("nobody"), "/email"),
        ("metadata of another type", "metadata", json!([1]), "/metadata"),
        ("metadata that cannot be stored", "metadata", json!({"a": ["b", {"c": "x\u{0}"}]}), "/metadata"),
        ("token that cannot be stored", "payment_token", json!("tok\u{0}"), "/payment_token"),
        ("unknown field", "colour", json!("red"), "/colour"),
    ] {
        let (status, problem) = api.submit(&order_with(field, value)).await;
        assert_eq!((status, &problem["type"]), (422, &json!("/problems/validation")), "{fault}: {problem}");
        let errors = problem["errors"].as_array().expect("errors");
        assert!(errors.iter().any(|error| error["pointer"] == pointer), "{fault}: {pointer} is missing in {problem}");
        assert_eq!((problem["status"].as_u64(), &problem["instance"]), (Some(422), &json!("/api/v1/orders")));
    }
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

#[tokio::test]
async fn a_body_that_cannot_be_read_says_where_it_breaks() {
    let (_database, api) = shop().await;
    for (body, place) in [
        (b"{\"customer_id\": \"c-1\",".to_vec(), "line 1 column 22"),
        (Vec::new(), "line 1 column 0"),
        (b"{\"email\": \"\xff\"}".to_vec(), "offset 11"),
        (b"[".repeat(100_000), "recursion limit"),
    ] {
        let response = api.post_bytes("/api/v1/orders", body).send().await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let (status, problem) = read(response).await;
        assert_eq!((status, &problem["type"]), (400, &json!("/problems/malformed-body")), "{problem}");
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains(place), "{place} is missing in {detail}");
    }
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

#[tokio::test]
async fn an_empty_filter_is_a_fault_and_does_not_show_everything() {
    let (_database, api) = shop().await;
    for (path, pointer) in [
        ("/api/v1/orders?status=", "/status"),
        ("/api/v1/orders?cursor=", "/cursor"),
        ("/api/v1/products?limit=", "/limit"),
        ("/api/v1/statistics?days=", "/days"),
        ("/api/v1/outbox/parked?cursor=", "/cursor"),
    ] {
        let (status, problem) = answer(api.get(path)).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{path}: {problem}");
    }
}

#[tokio::test]
async fn a_time_that_cannot_be_kept_is_a_fault_and_not_a_failure() {
    let (_database, api) = shop().await;
    // the first hour of the year 10000 in UTC, and a date in a form that nobody promised
    for (path, pointer) in [
        ("/api/v1/orders?from=9999-12-31T23:59:59-01:00", "/from"),
        ("/api/v1/orders?to=2026-W01-1", "/to"),
        ("/api/v1/audit?since=9999-12-31T23:59:59-01:00", "/since"),
        ("/api/v1/products/WIDGET-01/stock?at=9999-12-31T23:59:59-01:00", "/at"),
    ] {
        let (status, problem) = answer(api.get(path)).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{path}: {problem}");
    }
    let key = json!({"name": "shop-1", "role": "operator", "expires_at": "9999-12-31T23:59:59-01:00"});
    let (status, problem) = answer(api.post("/api/v1/api-keys", &key)).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/expires_at")), "{problem}");
    for from in ["2026-01-31", "2026-01-31T12:00:00Z", "9999-12-31T23:59:59%2B01:00"] {
        assert_eq!(answer(api.get(&format!("/api/v1/orders?from={from}"))).await.0, 200, "{from}");
    }
}

#[tokio::test]
async fn a_body_that_only_gives_a_reason_may_be_left_out_in_every_way() {
    let (_database, api) = shop().await;
    let (_, accepted) = api.submit(&order()).await;
    let path = format!("/api/v1/orders/{}/cancel", accepted["id"].as_str().expect("an id"));
    let bare = || api.client.post(format!("{}{path}", api.address));
    let left_out = [bare(), bare().header("content-type", "text/plain").body("")];
    let json = [&b""[..], b" \n", b"null", b" null ", b"{}", br#"{"reason": null}"#];
    for (place, request) in left_out.into_iter().chain(json.map(|body| api.post_bytes(&path, body))).enumerate() {
        let (status, order) = answer(request).await;
        assert_eq!((status, &order["status"]), (200, &json!("cancelled")), "{place}: {order}");
    }
    for (body, status) in [("[]", 422), ("\"because\"", 422), ("nil", 400), (r#"{"cause": "x"}"#, 422)] {
        assert_eq!(answer(api.post_bytes(&path, body)).await.0, status, "{body}");
    }
    let plain = bare().header("content-type", "text/plain").body("null");
    assert_eq!(answer(plain).await.0, 415);
}

#[tokio::test]
async fn a_whole_number_may_be_written_with_a_point() {
    let (database, api) = shop().await;
    let items = json!([{"sku": "WIDGET-01", "quantity": 2.0, "price": 19.99}]);
    let (status, accepted) = api.submit(&order_with("items", items)).await;
    assert_eq!((status, &accepted["items"][0]["quantity"]), (202, &json!(2)), "{accepted}");
    let half = json!([{"sku": "WIDGET-01", "quantity": 2.5, "price": 19.99}]);
    assert_eq!(api.submit(&order_with("items", half)).await.0, 422);
    assert_eq!(orders_in(&database).await, 1);
}
