//! `/health/live`, `/health/ready` and `/metrics` of every process.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use super::{Health, metrics};

/// The three routes, to be merged into an API or served alone.
pub fn routes(health: Health) -> Router {
    Router::new()
        .route("/health/live", get(|| async { Json(serde_json::json!({"status": "live"})) }))
        .route("/health/ready", get(move || ready(health)))
        .route("/metrics", get(render))
}

async fn ready(health: Health) -> Response {
    let parts = health.report();
    let (code, status) = match parts.values().all(Option::is_none) {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    (code, Json(serde_json::json!({"status": status, "parts": parts}))).into_response()
}

async fn render() -> Response {
    match metrics().render() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
