//! Tokens that get nobody in, and what their bearers are told; what browsers are told.

use order_fleet::access::{Grant, Role, TokenRules, mint};
use order_fleet::intake::http::Guard;
use serde_json::json;

use super::{SECRET, guard, guarded, now, order_by, refusal, token, with_product};
use crate::support::{Api, TestDatabase, answer};

#[tokio::test]
async fn whoever_proves_nothing_is_told_what_is_missing() {
    let (_database, api) = guarded().await;
    let (status, challenge, problem) = refusal(api.get("/api/v1/orders")).await;
    assert_eq!((status, challenge.as_str()), (401, "Bearer realm=\"order-fleet\""));
    assert_eq!(problem["type"], "/problems/unauthenticated");
    let good = token(Role::Operator, "anna");
    let old = Grant {
        subject: "anna".to_owned(),
        role: Role::Operator,
        customer_id: None,
        issued_at: now() - 3_600,
        lifetime_seconds: 3_000,
    };
    let expired = mint(SECRET, &old, &TokenRules::default()).expect("a token");
    let foreign =
        mint(&SECRET.replace("tests", "others"), &Grant { issued_at: now(), ..old.clone() }, &TokenRules::default());
    let claims = good.split('.').nth(1).expect("claims");
    for (credential, detail) in [
        (format!("Bearer {expired}"), "the token has expired"),
        (format!("Bearer {}", foreign.expect("a token")), "the token's signature is wrong"),
        (format!("Bearer eyJhbGciOiJub25lIn0.{claims}."), "the token cannot be read"),
        (format!("Bearer eyJhbGciOiJIUzUxMiJ9.{claims}.AAAA"), "the token's algorithm is not accepted"),
        ("Bearer x".to_owned(), "the token cannot be read"),
        ("Bearer".to_owned(), "Authorization must be of the scheme Bearer"),
        ("Basic YTpi".to_owned(), "Authorization must be of the scheme Bearer"),
        (format!("Bearer fleet_{}", "0".repeat(70)), "the API key is unknown, expired or revoked"),
    ] {
        let request = api.get("/api/v1/orders").header("authorization", &credential);
        let (status, challenge, problem) = refusal(request).await;
        assert_eq!((status, problem["detail"].as_str()), (401, Some(detail)), "{credential}");
        assert!(challenge.contains("error=\"invalid_token\"") && challenge.contains(detail), "{challenge}");
    }
    let twice = api.get("/api/v1/orders").bearer_auth(&good).header("x-api-key", "fleet_0");
    assert_eq!(refusal(twice).await.0, 401);
    let (status, challenge, problem) = refusal(api.get("/api/v1/audit").bearer_auth(&good)).await;
    assert_eq!((status, &problem["type"]), (403, &json!("/problems/forbidden")));
    assert!(challenge.contains("error=\"insufficient_scope\", scope=\"admin\""), "{challenge}");
    assert_eq!(answer(api.get("/api/v1/orders").bearer_auth(&good)).await.0, 200);
}

#[tokio::test]
async fn two_callers_may_use_the_same_idempotency_key() {
    let (_database, api) = guarded().await;
    with_product(&api).await;
    let submit = async |customer: &str| {
        let request = api.post("/api/v1/orders", &order_by(customer)).header("idempotency-key", "the-same");
        let (status, body) = answer(request.bearer_auth(token(Role::Customer, customer))).await;
        assert_eq!(status, 202, "{body}");
        body["id"].clone()
    };
    let first = submit("cust-1").await;
    assert_ne!(submit("cust-2").await, first);
    assert_eq!(submit("cust-1").await, first);
}

#[tokio::test]
async fn nobody_can_be_held_for_a_page_and_only_named_pages_may_call() {
    let database = TestDatabase::create().await;
    let origins = "https://shop.example".parse().expect("an origin");
    let api = Api::start_guarded(Guard { origins, ..guard() }, database.pool.clone()).await;
    let response = api.get("/api/v1/orders").send().await.expect("an answer");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("strict-transport-security", "max-age=63072000"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    for (origin, allowed) in [("https://shop.example", true), ("https://evil.example", false)] {
        let preflight = api.client.request(reqwest::Method::OPTIONS, format!("{}/api/v1/orders", api.address));
        let preflight = preflight.header("origin", origin).header("access-control-request-method", "POST");
        let headers = preflight.send().await.expect("an answer").headers().clone();
        let named = headers.get("access-control-allow-origin").map(|value| value == origin);
        assert_eq!(named, allowed.then_some(true), "{origin}");
        // the answer to the call itself, too, or the page could not even read that it was refused
        let call = api.get("/api/v1/orders").header("origin", origin).send().await.expect("an answer");
        assert_eq!(call.headers().contains_key("access-control-allow-origin"), allowed, "{origin}");
        assert!(!call.headers().contains_key("access-control-allow-credentials"));
    }
    let closed = Api::start_guarded(guard(), database.pool.clone()).await;
    let call = closed.get("/api/v1/orders").header("origin", "https://shop.example").send().await.expect("an answer");
    assert!(!call.headers().contains_key("access-control-allow-origin"));
}
