//! Paths, handlers and the layers around them. Called by the order-api service, which serves it and may wrap it in layers of its
//! own: `router(state).layer(…)` sees the matched path and the finished answer, which is what request metrics need.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::{Router, middleware};
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres, Transaction};
use tokio::time::timeout;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::guard::{self, Guard};
use super::limits::Admission;
use super::problem::{self, Problem, ProblemKind};
use super::{
    about, adjustments, api_keys, audit_log, browsers, console, controls, correlation, dead_letter_groups,
    dead_letters, imports, inventory, limits, live, openapi, order_bulk, order_changes, order_notes, order_resolution,
    orders, outbox, payments, products, replays, site, statistics, status, track, webhooks,
};
use crate::contract::signature::Secret;
use crate::dead_letters::consumers::Consumers;
use crate::intake::Intake;
use crate::lifecycle::SagaArgs;
use crate::messaging::Broker;
use crate::ops::status::Sources;
use crate::tracking::{Links, Tracking};

/// What the handlers work with. Every layer and every request holds it, so it is one pointer.
#[derive(Clone)]
pub struct ApiState(Arc<ApiParts>);

impl Deref for ApiState {
    type Target = ApiParts;

    fn deref(&self) -> &ApiParts {
        &self.0
    }
}

/// What the API is put together from.
pub struct ApiParts {
    pub db: PgPool,
    pub intake: Intake,
    pub status: Sources,
    /// For what operators take out of its queues; everything else goes over the outbox.
    pub broker: Broker,
    pub tracking: Tracking,
    pub links: Links,
    /// Each of them signs webhooks of the payment gateway; none closes that door.
    pub payment_secrets: Arc<[Secret]>,
    pub webhooks: webhooks::Registration,
    /// How long the saga waits for the answers to what people ask for.
    pub saga: SagaArgs,
    pub guard: Guard,
    /// What would become of a dead letter is their answer.
    pub consumers: Arc<dyn Consumers>,
}

/// Longest wait of a reader for a connection.
const CONNECT: Duration = Duration::from_secs(2);

impl ApiState {
    pub(super) fn consumers(&self) -> &dyn Consumers {
        self.consumers.as_ref()
    }

    /// As [`ApiState::connection`], with a transaction begun on it.
    pub(super) async fn transaction(&self) -> Result<Transaction<'static, Postgres>, Problem> {
        match timeout(CONNECT, self.db.begin()).await {
            Ok(Ok(transaction)) => Ok(transaction),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no transaction on the database");
                Err(unavailable())
            }
            Err(_) => Err(unavailable()),
        }
    }

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

/// Every operation with its description; the one list of what the API serves.
fn described() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(openapi::empty())
        .routes(routes!(orders::submit, orders::list))
        .routes(routes!(order_bulk::submit))
        .routes(routes!(orders::show))
        .routes(routes!(orders::history))
        .routes(routes!(order_changes::cancel))
        .routes(routes!(order_changes::ship))
        .routes(routes!(order_changes::deliver))
        .routes(routes!(order_notes::add, order_notes::list))
        .routes(routes!(order_resolution::resolve))
        .routes(routes!(live::of_order))
        .routes(routes!(live::of_customer))
        .routes(routes!(track::page))
        .routes(routes!(track::events))
        .routes(routes!(payments::show))
        .routes(routes!(payments::refund))
        .routes(routes!(payments::webhook))
        .routes(routes!(products::create, products::list))
        .routes(routes!(products::show, products::update, products::deactivate))
        .routes(routes!(products::prices))
        .routes(routes!(adjustments::adjust))
        .routes(routes!(inventory::stock_at))
        .routes(routes!(inventory::reservations))
        .routes(routes!(inventory::transactions))
        .routes(routes!(inventory::low_stock))
        .routes(routes!(inventory::summary))
        .routes(routes!(imports::import))
        .routes(routes!(statistics::show))
        .routes(routes!(status::show))
        .routes(routes!(outbox::parked))
        .routes(routes!(outbox::retry))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::count))
        .routes(routes!(dead_letters::show))
        .routes(routes!(dead_letters::reveal))
        .routes(routes!(dead_letters::changes::repair))
        .routes(routes!(dead_letters::changes::discard))
        .routes(routes!(dead_letters::changes::restore))
        .routes(routes!(dead_letters::changes::erase))
        .routes(routes!(dead_letter_groups::list))
        .routes(routes!(dead_letter_groups::show, dead_letter_groups::change))
        .routes(routes!(replays::create, replays::list))
        .routes(routes!(replays::ask))
        .routes(routes!(replays::show))
        .routes(routes!(replays::pause))
        .routes(routes!(replays::resume))
        .routes(routes!(replays::cancel))
        .routes(routes!(controls::list))
        .routes(routes!(controls::pause))
        .routes(routes!(controls::resume))
        .routes(routes!(controls::hold))
        .routes(routes!(controls::release))
        .routes(routes!(controls::drain))
        .routes(routes!(webhooks::create, webhooks::list))
        .routes(routes!(webhooks::show, webhooks::change, webhooks::delete))
        .routes(routes!(webhooks::pause))
        .routes(routes!(webhooks::enable))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::log::ping))
        .routes(routes!(webhooks::log::list))
        .routes(routes!(webhooks::log::show))
        .routes(routes!(webhooks::log::resend_one))
        .routes(routes!(webhooks::log::resend))
        .routes(routes!(about::contract))
        .routes(routes!(about::problems))
        .routes(routes!(about::problem))
        .routes(routes!(api_keys::create, api_keys::list))
        .routes(routes!(api_keys::revoke))
        .routes(routes!(audit_log::list))
        .routes(routes!(audit_log::verify))
}

/// The API's contract, made from the code: OpenAPI 3.1.
pub fn document() -> OpenApi {
    openapi::complete(described().into_openapi())
}

/// The same as it is printed and checked in.
///
/// # Errors
/// Never for a document of ours; the type is the writer's.
pub fn document_json() -> serde_json::Result<String> {
    document().to_pretty_json()
}

/// The whole API. Health and metrics are merged in beside it, outside of its limits.
pub fn router(parts: ApiParts) -> Router {
    let state = ApiState(Arc::new(parts));
    // from the outside in; every answer passes all of them on its way out, those of the layers themselves included
    let layers = ServiceBuilder::new()
        .layer(middleware::from_fn(browsers::secure))
        .layer(middleware::from_fn(correlation::correlate))
        .option_layer(browsers::cors(&state.guard.origins))
        .layer(middleware::from_fn(problem::name_instance))
        .layer(CatchPanicLayer::custom(problem::of_panic))
        .layer(middleware::from_fn_with_state(Admission::default(), limits::admit))
        .layer(middleware::from_fn(limits::limit_time))
        // our own reader limits bodies, with an answer in our own form
        .layer(DefaultBodyLimit::disable());
    described()
        .split_for_parts()
        .0
        .fallback(async || Problem::new(ProblemKind::NotFound, "nothing is served under this path"))
        .layer(middleware::from_fn_with_state(state.clone(), guard::guard))
        // pages and their pictures, the same for everybody
        .merge(site::routes())
        .merge(track::assets())
        .merge(console::routes())
        .method_not_allowed_fallback(async || {
            Problem::new(
                ProblemKind::MethodNotAllowed,
                "the path exists, but not for this method; see the header Allow",
            )
        })
        .layer(layers)
        .with_state(state)
}
