//! What browsers are told: which pages may call the API, and headers that keep an answer from being taken for a page. Layers of the
//! router.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::access::Origins;

/// How long a browser remembers that it may call, as long as most of them do at most.
const REMEMBERED: Duration = Duration::from_secs(7_200);

/// The headers that a page may send.
const SENT: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("x-correlation-id"),
    HeaderName::from_static("last-event-id"),
];
/// The headers of an answer that a page may read, beside those that it may always.
const READ: [HeaderName; 7] = [
    header::LOCATION,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("idempotency-replayed"),
    HeaderName::from_static("x-correlation-id"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
];

/// `None` where no page may call. Cookies are never allowed: there are none, a page sends its token itself.
pub(super) fn cors(origins: &Origins) -> Option<CorsLayer> {
    let origins = match origins {
        Origins::These(origins) if origins.is_empty() => return None,
        Origins::Any => AllowOrigin::any(),
        Origins::These(origins) => {
            AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
        }
    };
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let cors = CorsLayer::new().allow_origin(origins).allow_methods(methods);
    Some(cors.allow_headers(SENT).expose_headers(READ).max_age(REMEMBERED))
}

/// As OWASP's REST Security Cheat Sheet has them; a page of ours sets its own instead.
const ANSWERS: [(HeaderName, HeaderValue); 7] = [
    // answers hold what is one customer's
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    // two years; browsers heed it only where it came over TLS
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000")),
];

pub(super) async fn secure(request: axum::extract::Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in ANSWERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}
