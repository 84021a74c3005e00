//! Live tracking: `/api/v1/orders/{id}/events` and `/api/v1/customers/{id}/events`, as Server-Sent Events or, when the client asks for
//! an upgrade, as a WebSocket. Both send the same documents (`contract::tracking`).

mod position;
pub(super) mod sse;
mod websocket;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use uuid::Uuid;

pub(super) use position::{LastEventId, Position, Resumption};
use websocket::Upgrade;

use super::orders::{reach, read_id};
use super::problem::ProblemKind::{Forbidden, NotFound};
use super::problem::{Problem, ProblemKind};
use super::router::ApiState;
use crate::access::Actor;
use crate::contract::tracking::LiveEvent;
use crate::domain::{CustomerId, OrderId};
use crate::tracking::{Full, Subject, Watch};

/// Follow an order
///
/// Every change of its state, then each as it happens, as Server-Sent Events whose data is a `LiveEvent`; with `Upgrade: websocket` the
/// same documents as messages of a WebSocket. The stream lasts until the client leaves, at most half an hour; with the last id it goes
/// on without a gap, at any process. See docs/tracking.md.
#[utoipa::path(
    get, path = "/api/v1/orders/{id}/events", operation_id = "followOrder", tag = "orders",
    params(("id" = OrderId, Path), Resumption, LastEventId),
    responses((status = 200, description = "The stream.", body = LiveEvent, content_type = "text/event-stream")),
    extensions(("x-problems" = json!([NotFound, Forbidden])))
)]
pub(super) async fn of_order(
    State(state): State<ApiState>,
    actor: Actor,
    id: Result<Path<Uuid>, PathRejection>,
    position: Position,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    let order = read_id(id)?;
    reach(&mut *state.connection().await?, &actor, order).await?;
    stream(&state, Subject::Order(order), position, upgrade)
}

/// Follow a customer's orders
///
/// As following an order, for all orders of a customer. The first heartbeat says that everything up to then has been sent: who reads the
/// orders once and then follows them reads after it.
#[utoipa::path(
    get, path = "/api/v1/customers/{id}/events", operation_id = "followCustomer", tag = "orders",
    params(("id" = CustomerId, Path), Resumption, LastEventId),
    responses((status = 200, description = "The stream.", body = LiveEvent, content_type = "text/event-stream")),
    extensions(("x-problems" = json!([NotFound, Forbidden])))
)]
pub(super) async fn of_customer(
    State(state): State<ApiState>,
    actor: Actor,
    id: Result<Path<String>, PathRejection>,
    position: Position,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    let unknown = || Problem::new(NotFound, "no customer has this id");
    let Path(id) = id.map_err(|_| unknown())?;
    let customer = CustomerId::parse(id).ok().filter(|customer| actor.reaches(customer)).ok_or_else(unknown)?;
    stream(&state, Subject::Customer(customer), position, upgrade)
}

fn stream(
    state: &ApiState,
    subject: Subject,
    position: Position,
    Upgrade(upgrade): Upgrade,
) -> Result<Response, Problem> {
    let watch = watch(state, subject, position)?;
    Ok(match upgrade {
        Some(upgrade) => websocket::answer(upgrade, watch, position.follow, &state.tracking),
        None => sse::answer(watch, position.follow, sse::document),
    })
}

/// A stream, or the answer that there is no place for it.
pub(super) fn watch(state: &ApiState, subject: Subject, position: Position) -> Result<Watch, Problem> {
    state.tracking.watch(subject, position.after).map_err(|full| match full {
        Full::Process | Full::Subject => Problem::new(ProblemKind::Overloaded, full.to_string()),
    })
}
