//! Paths, handlers and the layers around them. Called by the order-api service, which serves it and may wrap it in layers of its
//! own: `router(state).layer(…)` sees the matched path and the finished answer, which is what request metrics need.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::routing::{get, post};
use axum::{Router, middleware};
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use tokio::time::timeout;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use super::limits::Admission;
use super::problem::{self, Problem, ProblemKind};
use super::{
    adjustments, correlation, imports, inventory, limits, orders, outbox, payments, products, statistics, status,
};
use crate::contract::signature::Secret;
use crate::intake::{Intake, OutboxWake};
use crate::ops::status::Sources;

/// What the handlers work with.
#[derive(Clone, Debug)]
pub struct ApiState {
    pub db: PgPool,
    pub intake: Intake,
    pub status: Sources,
    /// Wakes the relay after a commit that left messages in the outbox.
    pub wake: OutboxWake,
    /// Each of them signs webhooks of the payment gateway; none closes that door.
    pub payment_secrets: Arc<[Secret]>,
}

/// Longest wait of a reader for a connection.
const CONNECT: Duration = Duration::from_secs(2);

impl ApiState {
    pub(super) async fn connection(&self) -> Result<PoolConnection<Postgres>, Problem> {
        match timeout(CONNECT, self.db.acquire()).await {
            Ok(Ok(connection)) => Ok(connection),
            // without a connection nothing was asked, so whatever the reason, asking later is right
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no connection to the database");
                Err(unavailable())
            }
            Err(_) => Err(unavailable()),
        }
    }
}

fn unavailable() -> Problem {
    Problem::new(ProblemKind::Overloaded, "the database is not available at the moment")
}

/// The whole API. Health and metrics are merged in beside it, outside of its limits.
pub fn router(state: ApiState) -> Router {
    // from the outside in; every answer passes all of them on its way out, those of the layers themselves included
    let layers = ServiceBuilder::new()
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(middleware::from_fn(correlation::correlate))
        .layer(middleware::from_fn(problem::name_instance))
        .layer(CatchPanicLayer::custom(problem::of_panic))
        .layer(middleware::from_fn_with_state(Admission::default(), limits::admit))
        .layer(middleware::from_fn(limits::limit_time))
        // our own reader limits bodies, with an answer in our own form
        .layer(DefaultBodyLimit::disable());
    Router::new()
        .route("/api/v1/orders", post(orders::submit).get(orders::list))
        .route("/api/v1/orders/{id}", get(orders::show))
        .route("/api/v1/products", post(products::create).get(products::list))
        .route("/api/v1/products/{sku}", get(products::show).patch(products::update).delete(products::deactivate))
        .route("/api/v1/products/{sku}/prices", get(products::prices))
        .route("/api/v1/products/{sku}/adjustments", post(adjustments::adjust))
        .route("/api/v1/products/{sku}/stock", get(inventory::stock_at))
        .route("/api/v1/inventory/reservations", get(inventory::reservations))
        .route("/api/v1/inventory/transactions", get(inventory::transactions))
        .route("/api/v1/inventory/low-stock", get(inventory::low_stock))
        .route("/api/v1/inventory/summary", get(inventory::summary))
        .route("/api/v1/inventory/imports", post(imports::import))
        .route("/api/v1/orders/{id}/payment", get(payments::show))
        .route("/api/v1/orders/{id}/refund", post(payments::refund))
        .route("/api/v1/payments/webhook", post(payments::webhook))
        .route("/api/v1/statistics", get(statistics::show))
        .route("/api/v1/status", get(status::show))
        .route("/api/v1/outbox/parked", get(outbox::parked))
        .route("/api/v1/outbox/retries", post(outbox::retry))
        .fallback(async || Problem::new(ProblemKind::NotFound, "nothing is served under this path"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                ProblemKind::MethodNotAllowed,
                "the path exists, but not for this method; see the header Allow",
            )
        })
        .layer(layers)
        .with_state(state)
}
