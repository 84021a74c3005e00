//! Who may call the API, and how often.

mod audit_log;
mod keys;
mod matrix;
mod providers;
mod quotas;
mod redis;
mod tokens;

use order_fleet::access::{Actor, ApiKey, Grant, Role, TokenRules, Trust, VerifyingKey, mint};
use order_fleet::domain::CustomerId;
use order_fleet::intake::http::{Guard, Identity, RateLimits};
use order_fleet::ops::api_keys;
use order_fleet::store::api_keys::NewKey;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::support::{Api, TestDatabase, answer};

const SECRET: &str = "a secret for tests: as long as a hash";

/// A guard that knows this secret.
pub fn guard() -> Guard {
    guard_with(TokenRules::default(), RateLimits::default())
}

fn guard_with(rules: TokenRules, limits: RateLimits) -> Guard {
    let secret = VerifyingKey::secret(SECRET).expect("long enough");
    Guard { identity: Identity::required(rules, Some(secret), None), limits, ..Guard::open() }
}

/// An API behind that guard.
async fn guarded() -> (TestDatabase, Api) {
    let database = TestDatabase::create().await;
    let api = Api::start_guarded(guard(), database.pool.clone()).await;
    (database, api)
}

fn now() -> u64 {
    u64::try_from(OffsetDateTime::now_utc().unix_timestamp()).expect("after 1970")
}

/// A token for one hour. A customer's subject is the customer's id.
pub fn token(role: Role, subject: &str) -> String {
    let grant =
        Grant { subject: subject.to_owned(), role, customer_id: None, issued_at: now(), lifetime_seconds: 3_600 };
    mint(SECRET, &grant, &TokenRules::default()).expect("a token")
}

/// Makes a key as `order-api keys create` does; the key, and its id.
async fn key(database: &TestDatabase, name: &str, trust: Trust) -> (String, String) {
    let mut connection = database.pool.acquire().await.expect("a connection");
    let new = NewKey { name: name.to_owned(), trust, expires_at: None };
    let (key, record) = api_keys::create(&mut connection, &Actor::system("test"), &new, None).await.expect("a key");
    assert!(ApiKey::parse(key.reveal()).is_some());
    (key.reveal().to_owned(), record.id.to_string())
}

fn customer(id: &str) -> Trust {
    Trust::Customer(CustomerId::parse(id).expect("valid"))
}

fn order_by(customer: &str) -> Value {
    json!({"customer_id": customer, "email": "ada@shop.example", "items": [{"sku": "WIDGET-01", "quantity": 1}]})
}

/// A shop with one product, made by an admin.
async fn with_product(api: &Api) {
    let product = json!({"sku": "WIDGET-01", "name": "Widget", "price": 19.99, "stock": 100});
    let (status, body) = answer(api.post("/api/v1/products", &product).bearer_auth(token(Role::Admin, "root"))).await;
    assert_eq!(status, 201, "{body}");
}

/// The id of an order that this customer has submitted.
async fn submitted(api: &Api, customer: &str) -> String {
    let request = api.post("/api/v1/orders", &order_by(customer)).bearer_auth(token(Role::Customer, customer));
    let (status, body) = answer(request).await;
    assert_eq!(status, 202, "{body}");
    body["id"].as_str().expect("an id").to_owned()
}

/// Status, `WWW-Authenticate` and problem of a refusal.
async fn refusal(request: RequestBuilder) -> (u16, String, Value) {
    let response = request.send().await.expect("an answer");
    let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().expect("ASCII").to_owned());
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let status = response.status().as_u16();
    (status, challenge.unwrap_or_default(), response.json().await.expect("a problem"))
}
