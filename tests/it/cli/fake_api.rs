//! A stand-in for order-api that keeps to its page: enough of it to try every answer that the command line must understand.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use uuid::Uuid;

/// What it remembers of one order: the body, and how often it was asked for.
#[derive(Clone)]
struct Stored {
    order: Value,
    polls: usize,
}

#[derive(Default)]
struct Memory {
    orders: Vec<Stored>,
    by_key: HashMap<String, (Bytes, Value)>,
    /// Answers 503 so many times, asking to come back after so many seconds.
    overloaded: (usize, u64),
    requests: Vec<String>,
}

impl Memory {
    fn shed(&mut self) -> Option<Response> {
        self.overloaded.0 = self.overloaded.0.checked_sub(1)?;
        let mut answer = problem(503, "overloaded", "too many orders at once", &[]);
        answer.headers_mut().insert("retry-after", self.overloaded.1.into());
        Some(answer)
    }
}

#[derive(Clone)]
pub struct FakeApi {
    memory: Arc<Mutex<Memory>>,
    pub address: SocketAddr,
}

impl FakeApi {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let api = Self { memory: Arc::default(), address: listener.local_addr().expect("bound") };
        let router = Router::new()
            .route("/api/v1/orders", post(submit).get(list))
            .route("/api/v1/orders/{id}", get(show))
            .route("/api/v1/products", post(create_product).get(products))
            .route("/api/v1/products/{sku}", get(product))
            .route("/api/v1/products/{sku}/adjustments", post(adjust))
            .route("/api/v1/statistics", get(statistics))
            .with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        api
    }

    pub fn overload(&self, times: usize, seconds: u64) {
        self.memory().overloaded = (times, seconds);
    }

    /// Every request as `METHOD path?query`.
    pub fn requests(&self) -> Vec<String> {
        self.memory().requests.clone()
    }

    pub fn orders(&self) -> Vec<Value> {
        self.memory().orders.iter().map(|stored| stored.order.clone()).collect()
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().expect("no test panicked while holding it")
    }
}

fn problem(status: u16, slug: &str, detail: &str, errors: &[(&str, &str)]) -> Response {
    let errors: Vec<Value> =
        errors.iter().map(|(pointer, detail)| json!({"pointer": pointer, "detail": detail})).collect();
    let body = json!({"type": format!("/problems/{slug}"), "title": slug, "status": status, "detail": detail,
        "instance": "/api/v1/orders", "errors": errors});
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", "application/problem+json")], body.to_string()).into_response()
}

/// Knows the products GADGET-01 and SLOW, SINK; `payment_token` "declined" makes the order fail.
async fn submit(State(api): State<FakeApi>, headers: HeaderMap, body: Bytes) -> Response {
    let mut memory = api.memory();
    memory.requests.push("POST /api/v1/orders".to_owned());
    if let Some(answer) = memory.shed() {
        return answer;
    }
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
    if let Some((first, answer)) = memory.by_key.get(&key) {
        return match *first == body {
            true => (StatusCode::ACCEPTED, [("idempotency-replayed", "true")], Json(answer.clone())).into_response(),
            false => problem(422, "idempotency-key-reused", "the key came with another body before", &[]),
        };
    }
    let Ok(form) = serde_json::from_slice::<Value>(&body) else {
        return problem(400, "malformed-body", "the body is not JSON", &[]);
    };
    let mut errors = Vec::new();
    if form["email"].as_str().is_none_or(|email| !email.contains('@')) {
        errors.push(("/email", "must be an e-mail address of the form name@host, at most 254 characters"));
    }
    if form["items"][0]["sku"].as_str().is_none_or(|sku| sku.starts_with("NONE")) {
        errors.push(("/items/0/sku", "no product has the sku NONE"));
    }
    if !errors.is_empty() {
        return problem(422, "validation", &format!("{} fields are at fault", errors.len()), &errors);
    }
    let items: Vec<Value> = form["items"]
        .as_array()
        .into_iter()
        .flatten()
        .cloned()
        .map(|mut item| {
            item["price"] = json!(9.99);
            item
        })
        .collect();
    let order = json!({"id": Uuid::now_v7(), "customer_id": form["customer_id"], "email": form["email"], "items": items,
        "total": 19.98, "status": "pending", "created_at": "2026-01-31T12:00:00Z", "payment_token": form["payment_token"],
        "from_a_newer_version": true});
    memory.orders.push(Stored { order: order.clone(), polls: 0 });
    memory.by_key.insert(key, (body, order.clone()));
    let location = format!("/api/v1/orders/{}", order["id"].as_str().expect("an id"));
    (StatusCode::ACCEPTED, [("location", location)], Json(order)).into_response()
}

/// An order is pending when first asked for, then processing, then final.
async fn show(State(api): State<FakeApi>, Path(id): Path<String>) -> Response {
    let mut memory = api.memory();
    memory.requests.push(format!("GET /api/v1/orders/{id}"));
    if let Some(answer) = memory.shed() {
        return answer;
    }
    let Some(stored) = memory.orders.iter_mut().find(|stored| stored.order["id"] == id.as_str()) else {
        return problem(404, "not-found", &format!("there is no order {id}"), &[]);
    };
    stored.polls += 1;
    let order = &mut stored.order;
    let declined = order["payment_token"] == "declined";
    let stuck = order["items"][0]["sku"] == "SLOW";
    order["status"] = match stored.polls {
        1 => json!("pending"),
        2 => json!("processing"),
        _ if stuck => json!("processing"),
        _ if declined => json!("failed"),
        _ => json!("confirmed"),
    };
    if order["status"] == "failed" {
        order["reason"] = json!("payment_declined");
    }
    let mut page = order.clone();
    page["updated_at"] = json!("2026-01-31T12:00:01.5Z");
    page["saga"] = match page["status"].as_str() {
        Some("processing") => {
            json!({"step": "awaiting_payment", "since": "2026-01-31T12:00:01Z", "deadline": "2026-01-31T12:00:31Z"})
        }
        _ => Value::Null,
    };
    page["timeline"] = json!([
        {"at": "2026-01-31T12:00:00.25Z", "event": "order.submitted", "status": "pending", "message_id": Uuid::now_v7()},
        {"at": "2026-01-31T12:00:01Z", "event": "stock.reserved", "status": "processing", "step": "awaiting_payment", "detail": "all lines"},
    ]);
    Json(page).into_response()
}

/// Pages of two, so that a short test has several.
async fn list(State(api): State<FakeApi>, Query(query): Query<HashMap<String, String>>) -> Response {
    let mut memory = api.memory();
    let mut asked: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    asked.sort();
    memory.requests.push(format!("GET /api/v1/orders?{}", asked.join("&")));
    let start: usize = query.get("cursor").map_or(0, |cursor| cursor.parse().expect("our cursor"));
    let page: Vec<Value> = memory.orders.iter().skip(start).take(2).map(|stored| stored.order.clone()).collect();
    let next = (start + 2 < memory.orders.len()).then(|| (start + 2).to_string());
    Json(json!({"orders": page, "next_cursor": next})).into_response()
}

fn gadget(sku: &str, on_hand: i64) -> Value {
    json!({"sku": sku, "name": "Gadget\u{1b}[31m", "price": 9.99, "active": true, "low_stock_threshold": 5, "on_hand": on_hand,
        "reserved": 3, "available": on_hand - 3})
}

async fn products() -> Response {
    Json(json!({"products": [gadget("GADGET-01", 100), gadget("SHELF/7", 3)], "next_cursor": null})).into_response()
}

async fn product(Path(sku): Path<String>) -> Response {
    Json(gadget(&sku, 100)).into_response()
}

async fn create_product(Json(body): Json<Value>) -> Response {
    match body["sku"].as_str() {
        Some("GADGET-01") | None => problem(409, "conflict", "the sku GADGET-01 exists", &[]),
        Some(sku) => (StatusCode::CREATED, Json(gadget(sku, body["stock"].as_i64().unwrap_or(0)))).into_response(),
    }
}

async fn adjust(Path(sku): Path<String>, Json(body): Json<Value>) -> Response {
    match 100 + body["delta"].as_i64().expect("a delta") {
        on_hand @ 3.. => Json(gadget(&sku, on_hand)).into_response(),
        _ => problem(409, "conflict", "3 units are reserved, so stock cannot fall below 3", &[]),
    }
}

async fn statistics(State(api): State<FakeApi>, Query(query): Query<HashMap<String, String>>) -> Response {
    api.memory().requests.push(format!("GET /api/v1/statistics?minutes={}&days={}", query["minutes"], query["days"]));
    let figures = |starts_at: &str, created: u64| {
        json!({"starts_at": starts_at, "created": created, "confirmed": created, "failed": 0, "cancelled": 0, "shipped": 0,
            "delivered": 0, "revenue": 19.98, "mean_seconds_to_confirm": 0.25, "max_seconds_to_confirm": null})
    };
    let mut totals = figures("", 8);
    totals.as_object_mut().expect("an object").remove("starts_at");
    Json(json!({"totals": totals, "failures": {"payment_declined": 2}, "notifications": {"email": 8, "push": 9},
        "minutes": [figures("2026-01-31T12:00:00Z", 1), figures("2026-01-31T12:01:00Z", 0), figures("2026-01-31T12:02:00Z", 7)],
        "days": [figures("2026-01-31T00:00:00Z", 8)], "events_recorded": 42}))
    .into_response()
}
