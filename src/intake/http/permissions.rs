//! Who may call which route: the one table. The guard refuses what it does not allow, the OpenAPI document is told of it, and a test
//! goes through it row by row; a route without a row is answered by nobody.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::http::Method;

use crate::access::Role;

/// Who may call one route.
#[derive(Clone, Debug)]
pub struct Rule {
    pub method: Method,
    pub path: &'static str,
    /// The least role; `None`: everybody, without any proof.
    pub least: Option<Role>,
    pub reach: Reach,
}

/// What of it a customer reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nothing there is anybody's own, or customers have no business there.
    All,
    /// `{id}` in the path is an order: their own, any other is not there for them. The guard looks.
    OwnOrder,
    /// The handler takes only their own from them, and shows only their own: [`crate::access::Actor::only_customer`].
    Narrowed,
}

const EVERYBODY: Option<Role> = None;
const CUSTOMER: Option<Role> = Some(Role::Customer);
const OPERATOR: Option<Role> = Some(Role::Operator);
const ADMIN: Option<Role> = Some(Role::Admin);

pub static RULES: &[Rule] = &[
    rule(Method::POST, "/api/v1/orders", CUSTOMER, Reach::Narrowed),
    rule(Method::GET, "/api/v1/orders", CUSTOMER, Reach::Narrowed),
    rule(Method::GET, "/api/v1/orders/{id}", CUSTOMER, Reach::OwnOrder),
    rule(Method::POST, "/api/v1/orders/bulk", CUSTOMER, Reach::Narrowed),
    rule(Method::GET, "/api/v1/orders/{id}/history", CUSTOMER, Reach::OwnOrder),
    rule(Method::GET, "/api/v1/orders/{id}/events", CUSTOMER, Reach::OwnOrder),
    rule(Method::GET, "/api/v1/customers/{id}/events", CUSTOMER, Reach::Narrowed),
    rule(Method::POST, "/api/v1/orders/{id}/cancel", CUSTOMER, Reach::OwnOrder),
    rule(Method::POST, "/api/v1/orders/{id}/ship", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/orders/{id}/deliver", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/orders/{id}/notes", CUSTOMER, Reach::OwnOrder),
    rule(Method::POST, "/api/v1/orders/{id}/notes", CUSTOMER, Reach::OwnOrder),
    rule(Method::GET, "/api/v1/orders/{id}/payment", CUSTOMER, Reach::OwnOrder),
    rule(Method::POST, "/api/v1/orders/{id}/refund", OPERATOR, Reach::All),
    // the gateway signs what it tells
    rule(Method::POST, "/api/v1/payments/webhook", EVERYBODY, Reach::All),
    rule(Method::POST, "/api/v1/products", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/products", CUSTOMER, Reach::All),
    rule(Method::GET, "/api/v1/products/{sku}", CUSTOMER, Reach::All),
    rule(Method::PATCH, "/api/v1/products/{sku}", OPERATOR, Reach::All),
    rule(Method::DELETE, "/api/v1/products/{sku}", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/products/{sku}/prices", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/products/{sku}/stock", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/products/{sku}/adjustments", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/inventory/reservations", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/inventory/transactions", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/inventory/low-stock", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/inventory/summary", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/inventory/imports", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/statistics", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/status", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/outbox/parked", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/outbox/retries", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/api-keys", ADMIN, Reach::All),
    rule(Method::POST, "/api/v1/api-keys", ADMIN, Reach::All),
    rule(Method::DELETE, "/api/v1/api-keys/{id}", ADMIN, Reach::All),
    rule(Method::GET, "/api/v1/audit", ADMIN, Reach::All),
    rule(Method::GET, "/api/v1/audit/chain", ADMIN, Reach::All),
    rule(Method::GET, "/api/v1/dead-letters", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/dead-letters/counts", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/dead-letters/{id}", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/dead-letters/{id}/reveal", ADMIN, Reach::All),
    rule(Method::POST, "/api/v1/dead-letters/repairs", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/dead-letters/discards", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/dead-letters/restorations", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/dead-letters/erasures", ADMIN, Reach::All),
    rule(Method::GET, "/api/v1/dead-letter-groups", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/dead-letter-groups/{id}", OPERATOR, Reach::All),
    rule(Method::PATCH, "/api/v1/dead-letter-groups/{id}", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/replays", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/replays", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/replays/preview", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/replays/{id}", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/replays/{id}/pause", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/replays/{id}/resume", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/replays/{id}/cancel", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/webhooks", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/webhooks", ADMIN, Reach::All),
    rule(Method::GET, "/api/v1/webhooks/{id}", OPERATOR, Reach::All),
    rule(Method::PATCH, "/api/v1/webhooks/{id}", ADMIN, Reach::All),
    rule(Method::DELETE, "/api/v1/webhooks/{id}", ADMIN, Reach::All),
    rule(Method::POST, "/api/v1/webhooks/{id}/pause", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/webhooks/{id}/enable", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/webhooks/{id}/rotate", ADMIN, Reach::All),
    rule(Method::POST, "/api/v1/webhooks/{id}/ping", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/webhooks/{id}/resend", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/webhooks/{id}/deliveries", OPERATOR, Reach::All),
    rule(Method::GET, "/api/v1/webhooks/{id}/deliveries/{delivery_id}", OPERATOR, Reach::All),
    rule(Method::POST, "/api/v1/webhooks/{id}/deliveries/{delivery_id}/resend", OPERATOR, Reach::All),
    // the token in the path is the proof
    rule(Method::GET, "/track/{token}", EVERYBODY, Reach::All),
    rule(Method::GET, "/track/{token}/events", EVERYBODY, Reach::All),
    rule(Method::GET, "/openapi.json", EVERYBODY, Reach::All),
    rule(Method::GET, "/problems", EVERYBODY, Reach::All),
    rule(Method::GET, "/problems/{kind}", EVERYBODY, Reach::All),
];

const fn rule(method: Method, path: &'static str, least: Option<Role>, reach: Reach) -> Rule {
    Rule { method, path, least, reach }
}

static BY_PATH: LazyLock<HashMap<&'static str, Vec<&'static Rule>>> = LazyLock::new(|| {
    let mut by_path = HashMap::<_, Vec<_>>::new();
    for rule in RULES {
        by_path.entry(rule.path).or_default().push(rule);
    }
    by_path
});

/// What the table says of a request.
#[derive(Debug)]
pub(super) enum Ruling {
    Rule(&'static Rule),
    /// The path has rows, but none with this method.
    OtherMethods(&'static [&'static Rule]),
    Unruled,
}

/// `path` as the router has it, with its parameters in braces. HEAD is GET without its body.
pub(super) fn ruling(method: &Method, path: &str) -> Ruling {
    let Some(rules) = BY_PATH.get(path) else { return Ruling::Unruled };
    let method = if method == Method::HEAD { &Method::GET } else { method };
    match rules.iter().find(|rule| rule.method == *method) {
        Some(rule) => Ruling::Rule(rule),
        None => Ruling::OtherMethods(rules),
    }
}
