//! Quotas per caller and per address, counted in memory; what is shed when there is too much.

use order_fleet::access::{Role, TokenRules};
use order_fleet::intake::http::{Guard, RateLimits};
use reqwest::{RequestBuilder, Response};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{guard, guard_with, token};
use crate::support::{Api, TestDatabase, eventually};

async fn send(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("ASCII"))
}

/// An API with these quotas for callers and addresses.
async fn limited(caller: Option<&str>, address: Option<&str>) -> (TestDatabase, Api) {
    let quota = |text: Option<&str>| text.map(|text| text.parse().expect("a quota"));
    let limits = RateLimits::new(quota(caller), quota(address), None);
    let database = TestDatabase::create().await;
    let api = Api::start_guarded(guard_with(TokenRules::default(), limits), database.pool.clone()).await;
    (database, api)
}

#[tokio::test]
async fn a_caller_beyond_the_quota_is_told_when_to_come_back_and_nobody_else_is_held_up() {
    let (_database, api) = limited(Some("3/9s"), Some("100/60s")).await;
    let ask = |who: &str| api.get("/api/v1/products").bearer_auth(token(Role::Customer, who));
    for remaining in [2, 1, 0] {
        let response = send(ask("cust-1")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "ratelimit-policy"), "\"address\";q=100;w=60, \"caller\";q=3;w=9");
        let standing = header(&response, "ratelimit").split(", ").nth(1).expect("the caller's").to_owned();
        assert!(standing.starts_with(&format!("\"caller\";r={remaining};t=")), "{standing}");
    }
    let refused = send(ask("cust-1")).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(header(&refused, "content-type"), "application/problem+json");
    let wait: u64 = header(&refused, "retry-after").parse().expect("seconds");
    assert!((1..=3).contains(&wait), "{wait}");
    assert!(header(&refused, "ratelimit").ends_with(&format!("\"caller\";r=0;t={wait}")), "{refused:?}");
    let problem: serde_json::Value = refused.json().await.expect("a problem");
    assert_eq!(problem["type"], "/problems/rate-limited");
    assert_eq!(send(ask("cust-2")).await.status(), 200);
    eventually("one request is possible again", async || (send(ask("cust-1")).await.status() == 200).then_some(()))
        .await;
}

#[tokio::test]
async fn an_address_is_held_up_whoever_calls_from_it_and_before_proofs_are_judged() {
    let (_database, api) = limited(None, Some("2/60s")).await;
    assert_eq!(send(api.get("/api/v1/products")).await.status(), 401);
    let nowhere = send(api.get("/nowhere")).await;
    assert_eq!((nowhere.status().as_u16(), header(&nowhere, "ratelimit-policy")), (404, "\"address\";q=2;w=60"));
    let refused = send(api.get("/api/v1/products").bearer_auth(token(Role::Admin, "root"))).await;
    assert_eq!(refused.status(), 429);
    assert!((29..=30).contains(&header(&refused, "retry-after").parse::<u64>().expect("seconds")));
    let health = send(api.get("/api/v1/products").header("x-forwarded-for", "198.51.100.1")).await;
    assert_eq!(health.status(), 429, "nobody is believed about an address");
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_quota() {
    let limits = RateLimits::new(None, Some("1/60s".parse().expect("a quota")), None);
    let database = TestDatabase::create().await;
    let trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    let api = Api::start_guarded(Guard { limits, trusted_proxies, ..guard() }, database.pool.clone()).await;
    let from = |address: &str| send(api.get("/api/v1/products").header("x-forwarded-for", address));
    assert_eq!(from("198.51.100.1").await.status(), 401);
    assert_eq!(from("198.51.100.1").await.status(), 429);
    assert_eq!(from("198.51.100.2").await.status(), 401);
}

#[tokio::test]
async fn more_bodies_than_there_is_room_for_are_refused_before_they_are_read() {
    let database = TestDatabase::create().await;
    let api = Api::start_guarded(guard(), database.pool.clone()).await;
    let mut holding = Vec::new();
    // each says that a megabyte comes, and sends nothing
    for _ in 0..64 {
        let mut connection = TcpStream::connect(api.address.trim_start_matches("http://")).await.expect("connected");
        let head = format!(
            "POST /api/v1/orders HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: 1048576\r\n\r\n",
            token(Role::Operator, "anna")
        );
        connection.write_all(head.as_bytes()).await.expect("sent");
        holding.push(connection);
    }
    let one_more = || {
        let order = serde_json::json!({});
        send(api.post("/api/v1/orders", &order).bearer_auth(token(Role::Operator, "anna")))
    };
    let refused = eventually("no room is left", async || {
        let response = one_more().await;
        (response.status() == 503).then_some(response)
    })
    .await;
    assert!(!header(&refused, "retry-after").is_empty());
    // whoever brings no body is served
    assert_eq!(send(api.get("/api/v1/products").bearer_auth(token(Role::Operator, "anna"))).await.status(), 200);
    drop(holding);
    eventually("there is room again", async || (one_more().await.status() == 422).then_some(())).await;
}
