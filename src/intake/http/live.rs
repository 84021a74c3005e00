//! Live tracking: `/api/v1/orders/{id}/events` and `/api/v1/customers/{id}/events`, as Server-Sent Events or, when the client asks for
//! an upgrade, as a WebSocket. Both send the same documents (`contract::tracking`).

mod position;
pub(super) mod sse;
mod websocket;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use uuid::Uuid;

pub(super) use position::Position;
use websocket::Upgrade;

use super::problem::{Problem, ProblemKind, of_database};
use super::router::ApiState;
use crate::domain::{CustomerId, OrderId};
use crate::store;
use crate::tracking::{Full, Subject, Watch};

/// `GET /api/v1/orders/{id}/events`
pub(super) async fn of_order(
    State(state): State<ApiState>,
    id: Result<Path<Uuid>, PathRejection>,
    Position(after): Position,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    let unknown = || Problem::new(ProblemKind::NotFound, "no order has this id");
    let Path(id) = id.map_err(|_| unknown())?;
    let order = OrderId(id);
    let mut connection = state.connection().await?;
    let owner = store::tracking::owner(&mut connection, order).await.map_err(|error| of_database(&error))?;
    owner.ok_or_else(unknown)?;
    drop(connection);
    stream(&state, Subject::Order(order), after, upgrade)
}

/// `GET /api/v1/customers/{id}/events`
pub(super) async fn of_customer(
    State(state): State<ApiState>,
    id: Result<Path<String>, PathRejection>,
    Position(after): Position,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    let unknown = || Problem::new(ProblemKind::NotFound, "no customer can have this id");
    let Path(id) = id.map_err(|_| unknown())?;
    let customer = CustomerId::parse(id).map_err(|_| unknown())?;
    stream(&state, Subject::Customer(customer), after, upgrade)
}

fn stream(state: &ApiState, subject: Subject, after: Option<i64>, Upgrade(upgrade): Upgrade) -> Result<Response, Problem> {
    let watch = watch(state, subject, after)?;
    Ok(match upgrade {
        Some(upgrade) => websocket::answer(upgrade, watch, &state.tracking),
        None => sse::answer(watch, sse::document),
    })
}

/// A stream, or the answer that there is no place for it.
pub(super) fn watch(state: &ApiState, subject: Subject, after: Option<i64>) -> Result<Watch, Problem> {
    state.tracking.watch(subject, after).map_err(|full| match full {
        Full::Process | Full::Subject => Problem::new(ProblemKind::Overloaded, full.to_string()),
    })
}
