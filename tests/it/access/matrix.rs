//! The authorisation matrix: every route, every role, what is one's own and what is another's. A route without a row fails here.

use std::collections::{BTreeMap, BTreeSet};

use order_fleet::access::Role;
use order_fleet::intake::http::{RULES, Reach, document};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{guarded, key, order_by, submitted, token, with_product};
use crate::support::{Api, TestDatabase, answer, dead_letter};

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Caller {
    Nobody,
    /// The customer whose things are asked for.
    Own,
    /// Another one.
    Other,
    Operator,
    Admin,
}

impl Caller {
    const ALL: [Self; 5] = [Self::Nobody, Self::Own, Self::Other, Self::Operator, Self::Admin];

    fn sign(self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Nobody => request,
            Self::Own => request.bearer_auth(token(Role::Customer, OWN)),
            Self::Other => request.bearer_auth(token(Role::Customer, OTHER)),
            Self::Operator => request.bearer_auth(token(Role::Operator, "anna")),
            Self::Admin => request.bearer_auth(token(Role::Admin, "root")),
        }
    }
}

const OWN: &str = "cust-own";
const OTHER: &str = "cust-other";

/// What each route answers to [`Caller::ALL`], in that order: written by hand, not derived from the table that it checks.
const EXPECTED: [(&str, [u16; 5]); 73] = [
    ("POST /api/v1/orders", [401, 202, 403, 202, 202]),
    ("GET /api/v1/orders", [401, 200, 200, 200, 200]),
    ("GET /api/v1/orders/{id}", [401, 200, 404, 200, 200]),
    ("POST /api/v1/products", [401, 403, 403, 201, 201]),
    ("GET /api/v1/products", [401, 200, 200, 200, 200]),
    ("GET /api/v1/products/{sku}", [401, 200, 200, 200, 200]),
    ("POST /api/v1/products/{sku}/adjustments", [401, 403, 403, 200, 200]),
    ("PATCH /api/v1/products/{sku}", [401, 403, 403, 200, 200]),
    ("GET /api/v1/products/{sku}/prices", [401, 403, 403, 200, 200]),
    ("GET /api/v1/products/{sku}/stock", [401, 403, 403, 200, 200]),
    ("GET /api/v1/inventory/reservations", [401, 403, 403, 200, 200]),
    ("GET /api/v1/inventory/transactions", [401, 403, 403, 200, 200]),
    ("GET /api/v1/inventory/low-stock", [401, 403, 403, 200, 200]),
    ("GET /api/v1/inventory/summary", [401, 403, 403, 200, 200]),
    ("POST /api/v1/inventory/imports", [401, 403, 403, 200, 200]),
    ("GET /api/v1/orders/{id}/payment", [401, 200, 404, 200, 200]),
    // the order is not paid, so there is nothing to give back: 409 came past the guard
    ("POST /api/v1/orders/{id}/refund", [401, 403, 403, 409, 409]),
    // the gateway's signature is the proof, whoever it says it is
    ("POST /api/v1/payments/webhook", [403; 5]),
    ("GET /api/v1/statistics", [401, 403, 403, 200, 200]),
    ("GET /api/v1/status", [401, 403, 403, 200, 200]),
    ("GET /api/v1/outbox/parked", [401, 403, 403, 200, 200]),
    ("POST /api/v1/outbox/retries", [401, 403, 403, 200, 200]),
    ("GET /api/v1/api-keys", [401, 403, 403, 403, 200]),
    ("POST /api/v1/api-keys", [401, 403, 403, 403, 201]),
    ("DELETE /api/v1/api-keys/{id}", [401, 403, 403, 403, 200]),
    ("GET /api/v1/audit", [401, 403, 403, 403, 200]),
    ("GET /api/v1/audit/chain", [401, 403, 403, 403, 200]),
    ("GET /api/v1/webhooks", [401, 403, 403, 200, 200]),
    ("POST /api/v1/webhooks", [401, 403, 403, 403, 201]),
    ("GET /api/v1/webhooks/{id}", [401, 403, 403, 200, 200]),
    ("PATCH /api/v1/webhooks/{id}", [401, 403, 403, 403, 200]),
    ("POST /api/v1/webhooks/{id}/pause", [401, 403, 403, 200, 200]),
    ("POST /api/v1/webhooks/{id}/enable", [401, 403, 403, 200, 200]),
    ("POST /api/v1/webhooks/{id}/rotate", [401, 403, 403, 403, 200]),
    ("POST /api/v1/webhooks/{id}/ping", [401, 403, 403, 202, 202]),
    ("POST /api/v1/webhooks/{id}/resend", [401, 403, 403, 202, 202]),
    ("GET /api/v1/webhooks/{id}/deliveries", [401, 403, 403, 200, 200]),
    ("GET /api/v1/webhooks/{id}/deliveries/{delivery_id}", [401, 403, 403, 200, 200]),
    ("POST /api/v1/webhooks/{id}/deliveries/{delivery_id}/resend", [401, 403, 403, 202, 202]),
    ("DELETE /api/v1/webhooks/{id}", [401, 403, 403, 403, 204]),
    ("GET /api/v1/dead-letters", [401, 403, 403, 200, 200]),
    ("GET /api/v1/dead-letters/counts", [401, 403, 403, 200, 200]),
    ("GET /api/v1/dead-letters/{id}", [401, 403, 403, 200, 200]),
    ("POST /api/v1/dead-letters/{id}/reveal", [401, 403, 403, 403, 200]),
    ("POST /api/v1/dead-letters/repairs", [401, 403, 403, 200, 200]),
    ("POST /api/v1/dead-letters/discards", [401, 403, 403, 200, 200]),
    ("POST /api/v1/dead-letters/restorations", [401, 403, 403, 200, 200]),
    ("GET /api/v1/dead-letter-groups", [401, 403, 403, 200, 200]),
    ("GET /api/v1/dead-letter-groups/{id}", [401, 403, 403, 200, 200]),
    ("PATCH /api/v1/dead-letter-groups/{id}", [401, 403, 403, 200, 200]),
    ("POST /api/v1/replays/preview", [401, 403, 403, 200, 200]),
    ("POST /api/v1/replays", [401, 403, 403, 201, 201]),
    ("GET /api/v1/replays", [401, 403, 403, 200, 200]),
    ("GET /api/v1/replays/{id}", [401, 403, 403, 200, 200]),
    // the operator has done it, so that it cannot be done again: 409 came past the guard
    ("POST /api/v1/replays/{id}/pause", [401, 403, 403, 200, 409]),
    ("POST /api/v1/replays/{id}/resume", [401, 403, 403, 200, 409]),
    ("POST /api/v1/replays/{id}/cancel", [401, 403, 403, 200, 409]),
    ("POST /api/v1/dead-letters/erasures", [401, 403, 403, 403, 200]),
    ("GET /openapi.json", [200; 5]),
    ("GET /problems", [200; 5]),
    ("GET /problems/{kind}", [200; 5]),
    ("POST /api/v1/orders/bulk", [401, 200, 200, 200, 200]),
    ("GET /api/v1/orders/{id}/events", [401, 200, 404, 200, 200]),
    ("GET /api/v1/customers/{id}/events", [401, 200, 404, 200, 200]),
    // the token in the path is all that is asked for
    ("GET /track/{token}", [200; 5]),
    ("GET /track/{token}/events", [200; 5]),
    ("GET /api/v1/orders/{id}/history", [401, 200, 404, 200, 200]),
    ("GET /api/v1/orders/{id}/notes", [401, 200, 404, 200, 200]),
    ("POST /api/v1/orders/{id}/notes", [401, 201, 404, 201, 201]),
    // the order is not confirmed, so nobody can ship it: 409 came past the guard
    ("POST /api/v1/orders/{id}/ship", [401, 403, 403, 409, 409]),
    ("POST /api/v1/orders/{id}/deliver", [401, 403, 403, 409, 409]),
    ("POST /api/v1/orders/{id}/cancel", [401, 200, 404, 200, 200]),
    // last: it cannot be ordered any more
    ("DELETE /api/v1/products/{sku}", [401, 403, 403, 200, 200]),
];

/// What the requests are about.
struct Subjects {
    order: String,
    key: String,
    /// An endpoint of webhooks, and something that was sent to it.
    webhook: String,
    delivery: String,
    /// Of the order's link.
    token: String,
    /// Who can do something with dead letters does it with one of their own.
    letters: [Uuid; 2],
    letter_group: Uuid,
    replay: String,
}

/// A request that would succeed if its caller may make it.
fn request(api: &Api, subjects: &Subjects, caller: Caller, route: &str) -> RequestBuilder {
    let (method, path) = route.split_once(' ').expect("a method and a path");
    let letter = subjects.letters[usize::from(caller == Caller::Admin)];
    let id = match path.split('/').nth(3) {
        Some("api-keys") => subjects.key.clone(),
        Some("webhooks") => subjects.webhook.clone(),
        Some("customers") => OWN.to_owned(),
        Some("dead-letters") => letter.to_string(),
        Some("dead-letter-groups") => subjects.letter_group.to_string(),
        Some("replays") => subjects.replay.clone(),
        _ => subjects.order.clone(),
    };
    let path = path
        .replace("{id}", &id)
        .replace("{delivery_id}", &subjects.delivery)
        .replace("{token}", &subjects.token)
        .replace("{sku}", "WIDGET-01")
        .replace("{kind}", "forbidden");
    let body = match route {
        "POST /api/v1/orders" => Some(order_by(OWN)),
        "POST /api/v1/orders/bulk" => Some(json!({"orders": [order_by(OWN)]})),
        "POST /api/v1/orders/{id}/notes" => Some(json!({"text": "ring twice"})),
        "POST /api/v1/orders/{id}/ship" => Some(json!({"carrier": "DHL", "tracking_number": "0034043416109404"})),
        "POST /api/v1/products" => Some(json!({"sku": Uuid::new_v4().to_string(), "name": "Widget", "price": 1})),
        "POST /api/v1/products/{sku}/adjustments" => Some(json!({"delta": 1, "reason": "found"})),
        "PATCH /api/v1/products/{sku}" => Some(json!({"low_stock_threshold": 5})),
        "POST /api/v1/orders/{id}/refund" => Some(json!({"reason": "arrived broken"})),
        "POST /api/v1/payments/webhook" => Some(json!({"type": "payment.succeeded"})),
        "POST /api/v1/outbox/retries" => Some(json!({"all": true})),
        "POST /api/v1/dead-letters/repairs" => Some(json!({
            "letters": {"ids": [letter]}, "patch": [{"op": "add", "path": "/note", "value": "x"}], "reason": "mended"
        })),
        "POST /api/v1/dead-letters/discards" | "POST /api/v1/dead-letters/restorations" => {
            Some(json!({"ids": [letter], "reason": "a test"}))
        }
        "POST /api/v1/dead-letters/erasures" => Some(json!({"customer_id": OWN, "reason": "asked for it"})),
        "PATCH /api/v1/dead-letter-groups/{id}" => Some(json!({"owner": "anna"})),
        "POST /api/v1/replays/preview" => Some(json!({"letters": {"filter": {}}})),
        "POST /api/v1/replays" => Some(json!({"letters": {"filter": {"sku": "NONE"}}, "reason": "mended"})),
        "POST /api/v1/webhooks" => Some(json!({"url": "https://partner.example/hooks", "event_types": ["order.*"]})),
        "PATCH /api/v1/webhooks/{id}" => Some(json!({"description": "mirror"})),
        "POST /api/v1/webhooks/{id}/rotate" => Some(json!({})),
        "POST /api/v1/webhooks/{id}/resend" => Some(json!({"since": "2026-01-01T00:00:00Z"})),
        "POST /api/v1/api-keys" => Some(json!({"name": "shop-1", "role": "operator"})),
        _ => None,
    };
    let method: Method = method.parse().expect("a method");
    // a stream that is followed has no end
    let query = if path.ends_with("/events") { "?follow=false" } else { "" };
    let request = api.client.request(method, format!("{}{path}{query}", api.address));
    match body {
        Some(body) => request.json(&body),
        None if route == "POST /api/v1/inventory/imports" => {
            request.header("content-type", "text/csv").body("sku,stock\nWIDGET-01,100\n")
        }
        None => request,
    }
}

async fn webhook(api: &Api) -> (String, String) {
    let created = async |path: &str, body: Value| -> String {
        let (status, body) = answer(Caller::Admin.sign(api.post(path, &body))).await;
        assert!(status < 300, "{status}: {body}");
        body["id"].as_str().expect("an id").to_owned()
    };
    let body = json!({"url": "https://partner.example/hooks", "event_types": ["order.*"]});
    let webhook = created("/api/v1/webhooks", body).await;
    let delivery = created(&format!("/api/v1/webhooks/{webhook}/ping"), json!({})).await;
    (webhook, delivery)
}

/// A replay of something that nobody else asks for.
async fn replay(api: &Api) -> String {
    let body = json!({"letters": {"ids": [Uuid::now_v7()]}, "reason": "to be turned"});
    let (status, body) = answer(Caller::Admin.sign(api.post("/api/v1/replays", &body))).await;
    assert_eq!(status, 201, "{body}");
    body["id"].as_str().expect("an id").to_owned()
}

async fn tracking_token(api: &Api, order: &str) -> String {
    let (status, body) = answer(Caller::Own.sign(api.get(&format!("/api/v1/orders/{order}")))).await;
    assert_eq!(status, 200, "{body}");
    let link = body["tracking_url"].as_str().expect("a link");
    link.strip_prefix("/track/").expect("a path").to_owned()
}

async fn audited(database: &TestDatabase) -> i64 {
    database.number("select count(*) from audit_log").await
}

#[tokio::test]
async fn every_route_is_open_to_those_whom_the_matrix_names_and_to_nobody_else() {
    let (database, api) = guarded().await;
    with_product(&api).await;
    let (_, key) = key(&database, "shop-1", order_fleet::access::Trust::Operator).await;
    let (webhook, delivery) = webhook(&api).await;
    let order = submitted(&api, OWN).await;
    let token = tracking_token(&api, &order).await;
    let (first, letter_group) = dead_letter(&database).await;
    let letters = [first, dead_letter(&database).await.0];
    let replay = replay(&api).await;
    let subjects = Subjects { order, key, webhook, delivery, token, letters, letter_group, replay };
    let mut wrong = Vec::new();
    for (route, statuses) in EXPECTED {
        for (caller, expected) in Caller::ALL.into_iter().zip(statuses) {
            let before = audited(&database).await;
            let response = caller.sign(request(&api, &subjects, caller, route)).send().await.expect("an answer");
            // pages are no JSON
            let (status, body) = (response.status().as_u16(), response.text().await.expect("a body"));
            if status != expected {
                wrong.push(format!("{route} by {caller:?}: {status} instead of {expected}: {body}"));
            }
            // whatever an operator changes is in the audit log; orders have their own history
            let deed = status < 300
                && !route.starts_with("GET ")
                && !route.starts_with("POST /api/v1/orders")
                && !route.ends_with("/preview");
            let appended = audited(&database).await - before;
            if appended != i64::from(deed) {
                wrong.push(format!("{route} by {caller:?} left {appended} entries in the audit log"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_route_of_the_document_has_a_rule_and_a_row_in_the_matrix() {
    let document = serde_json::to_value(document()).expect("JSON");
    let mut served = BTreeMap::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if ["get", "put", "post", "delete", "patch", "head", "options", "trace"].contains(&method.as_str()) {
                served.insert(format!("{} {path}", method.to_uppercase()), operation);
            }
        }
    }
    let routes: BTreeSet<String> = served.keys().cloned().collect();
    let rules: BTreeSet<String> = RULES.iter().map(|rule| format!("{} {}", rule.method, rule.path)).collect();
    let rows: BTreeSet<String> = EXPECTED.iter().map(|(route, _)| (*route).to_owned()).collect();
    assert_eq!(routes, rules, "src/intake/http/permissions.rs and the routes of the API");
    assert_eq!(routes, rows, "the matrix in this file and the routes of the API");
    assert_eq!((rules.len(), rows.len()), (RULES.len(), EXPECTED.len()), "a row stands there twice");
    for rule in RULES {
        let operation = served[&format!("{} {}", rule.method, rule.path)];
        let role = rule.least.map_or(Value::Null, |least| json!(least));
        assert_eq!(operation["x-least-role"], role, "{}", rule.path);
        assert_eq!(operation["responses"]["401"].is_object(), rule.least.is_some(), "{}", rule.path);
        assert!(operation["responses"]["429"].is_object(), "{}", rule.path);
    }
}

#[tokio::test]
async fn a_customer_sees_a_list_of_their_own_orders_only() {
    let (_database, api) = guarded().await;
    with_product(&api).await;
    let own = submitted(&api, OWN).await;
    submitted(&api, OTHER).await;
    let ids = async |caller: Caller, query: &str| {
        let (status, page) = answer(caller.sign(api.get(&format!("/api/v1/orders{query}")))).await;
        assert_eq!(status, 200, "{page}");
        let orders = page["orders"].as_array().expect("orders").clone();
        orders.iter().map(|order| order["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(Caller::Own, "").await, std::slice::from_ref(&own));
    assert_eq!(ids(Caller::Own, "?status=pending").await, [own]);
    assert!(ids(Caller::Own, "?status=failed").await.is_empty());
    assert_eq!(ids(Caller::Operator, "").await.len(), 2);
    assert!(RULES.iter().any(|rule| rule.reach == Reach::Narrowed && rule.method == "GET"));
}

#[tokio::test]
async fn an_order_of_another_customer_looks_like_none() {
    let (_database, api) = guarded().await;
    with_product(&api).await;
    let path = |id: &str| format!("/api/v1/orders/{id}");
    let theirs = submitted(&api, OTHER).await;
    let none = Uuid::now_v7().to_string();
    let mut seen = Vec::new();
    for id in [theirs.as_str(), none.as_str(), "nonsense"] {
        let (status, mut problem) = answer(Caller::Own.sign(api.get(&path(id)))).await;
        problem.as_object_mut().expect("a problem").remove("instance");
        seen.push((status, problem));
    }
    assert_eq!(seen[0].0, 404);
    assert!(seen.iter().all(|answer| *answer == seen[0]), "{seen:#?}");
}

#[tokio::test]
async fn what_is_not_there_needs_no_proof_and_other_methods_are_named() {
    let (_database, api) = guarded().await;
    let (status, _) = answer(api.get("/api/v1/nothing")).await;
    assert_eq!(status, 404);
    let request = api.client.delete(format!("{}/api/v1/orders", api.address));
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 405);
    let allowed: BTreeSet<String> =
        response.headers()["allow"].to_str().expect("ASCII").split(',').map(str::to_owned).collect();
    assert_eq!(allowed, ["GET", "HEAD", "POST"].map(str::to_owned).into());
    let head = api.client.head(format!("{}/api/v1/orders", api.address)).send().await.expect("an answer");
    assert_eq!(head.status(), 401);
}
