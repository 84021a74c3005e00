//! Counts and times HTTP requests by route, never by path: a path holds ids and would make a metric of every order.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;

use super::metrics;

/// A middleware for the API's router.
pub async fn observe(route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let route = route.as_ref().map_or("none", MatchedPath::as_str).to_owned();
    let started = Instant::now();
    let response = next.run(request).await;
    metrics().http_seconds.with_label_values(&[route.as_str()]).observe(started.elapsed().as_secs_f64());
    let status = response.status();
    metrics().http_requests.with_label_values(&[route.as_str(), method.as_str(), status.as_str()]).inc();
    response
}
