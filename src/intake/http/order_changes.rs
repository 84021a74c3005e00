//! `/api/v1/orders/{id}/cancel`, `ship`, `deliver`: what people ask of an order. One transaction: the order is locked, the saga
//! decides, and its new state, its history and the messages that follow are committed together.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::correlation::CorrelationId;
use super::json_body::{JsonBody, OptionalJsonBody};
use super::orders::{read_id, unknown};
use super::problem::ProblemKind::{IllegalTransition, NotFound};
use super::problem::{Problem, of_database};
use super::router::ApiState;
use crate::access::Actor;
use crate::contract::Fields;
use crate::contract::order::whole_microseconds;
use crate::contract::requests::{Because, NewShipment};
use crate::domain::{Carrier, OrderId, OrderStatus, Shipment, TrackingNumber};
use crate::lifecycle::{Asked, NotAllowed, Origin, Request, request};
use crate::store::order_queries::{self, OrderDetails};

/// Longest reason, in characters.
const MAX_REASON: usize = 500;

/// Cancel an order
///
/// Possible at every stage before shipping. What was paid is refunded, the stock goes back to the shelf, and the customer is told.
/// Cancelling a cancelled order is harmless.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/cancel", operation_id = "cancelOrder", tag = "orders",
    params(("id" = OrderId, Path)),
    request_body(content = Option<Because>, example = json!({"reason": "ordered twice"})),
    responses(
        (status = 200, description = "The order is cancelled.", body = OrderDetails),
        (status = 202, description = "The order is being cancelled: money and stock are on their way back.", body = OrderDetails)
    ),
    extensions(("x-problems" = json!([NotFound, IllegalTransition])))
)]
pub(super) async fn cancel(
    State(state): State<ApiState>,
    actor: Actor,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    id: Result<Path<Uuid>, PathRejection>,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Problem> {
    let id = read_id(id)?;
    let reason = read_reason(&body)?;
    let origin = Origin { actor: &actor, why: reason.as_deref(), correlation_id: &correlation_id };
    ask(&state, id, &Request::Cancel, &origin).await
}

/// Report an order as shipped
///
/// Possible once it is confirmed; the customer gets the tracking number. The same parcel reported twice is harmless.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/ship", operation_id = "shipOrder", tag = "orders",
    params(("id" = OrderId, Path)),
    request_body = NewShipment,
    responses((status = 200, description = "The order is shipped.", body = OrderDetails)),
    extensions(("x-problems" = json!([NotFound, IllegalTransition])))
)]
pub(super) async fn ship(
    State(state): State<ApiState>,
    actor: Actor,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    id: Result<Path<Uuid>, PathRejection>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let id = read_id(id)?;
    let mut fields = Fields::new(&body.object, "");
    let carrier = fields.text("carrier", |text| Carrier::parse(text).and_then(|_| Carrier::parse(text.trim())));
    let tracking_number = fields.text("tracking_number", |text| TrackingNumber::parse(text));
    let (Some(carrier), Some(tracking_number), true) = (carrier, tracking_number, fields.unknown().is_empty()) else {
        return Err(faults(fields));
    };
    let shipment = Shipment { carrier, tracking_number, shipped_at: whole_microseconds(OffsetDateTime::now_utc()) };
    let why = format!("{} {}", shipment.carrier, shipment.tracking_number);
    let origin = Origin { actor: &actor, why: Some(&why), correlation_id: &correlation_id };
    ask(&state, id, &Request::Ship(shipment), &origin).await
}

/// Report an order as delivered
///
/// Possible once it is shipped. Reporting it twice is harmless.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/deliver", operation_id = "deliverOrder", tag = "orders",
    params(("id" = OrderId, Path)),
    request_body(content = Option<Because>, example = json!({"reason": "left with a neighbour"})),
    responses((status = 200, description = "The order is delivered.", body = OrderDetails)),
    extensions(("x-problems" = json!([NotFound, IllegalTransition])))
)]
pub(super) async fn deliver(
    State(state): State<ApiState>,
    actor: Actor,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    id: Result<Path<Uuid>, PathRejection>,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Problem> {
    let id = read_id(id)?;
    let reason = read_reason(&body)?;
    let origin = Origin { actor: &actor, why: reason.as_deref(), correlation_id: &correlation_id };
    ask(&state, id, &Request::Deliver, &origin).await
}

/// The reason, if one is given.
fn read_reason(body: &Map<String, Value>) -> Result<Option<String>, Problem> {
    let mut fields = Fields::new(body, "");
    let reason = fields.optional_text("reason", |text| short_text(text, MAX_REASON));
    if fields.errors.is_empty() && fields.unknown().is_empty() { Ok(reason) } else { Err(faults(fields)) }
}

fn faults(fields: Fields<'_>) -> Problem {
    Problem::validation(fields.faults())
}

/// 1 to `max` characters that are not all blank; of the control characters only line breaks.
pub(super) fn short_text(text: &str, max: usize) -> Result<String, String> {
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err("must not contain control characters".to_owned());
    }
    match text.trim() {
        some if !some.is_empty() && text.chars().count() <= max => Ok(some.to_owned()),
        _ => Err(format!("must have 1 to {max} characters")),
    }
}

/// 200 when the order is as it was asked for, 202 when that is on its way; the body is the order as `GET` shows it.
async fn ask(state: &ApiState, id: OrderId, wanted: &Request, origin: &Origin<'_>) -> Result<Response, Problem> {
    let mut transaction = state.transaction().await?;
    let asked =
        request(&mut transaction, &state.saga, id, wanted, origin).await.map_err(|error| of_database(&error))?;
    let (changed, order_state) = match asked {
        Asked::Unknown => return Err(unknown()),
        Asked::NotAllowed(refused) => return Err(of_refused(&refused)),
        Asked::Granted { changed, state } => (changed, state),
    };
    let order = order_queries::find(&mut transaction, id).await.map_err(|error| of_database(&error))?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    if changed {
        state.intake.wake_relay();
    }
    let status = if order_state.step.is_none() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(order.ok_or_else(unknown)?)).into_response())
}

fn of_refused(refused: &NotAllowed) -> Problem {
    let NotAllowed { wanted, current, allowed } = refused;
    let names: Vec<&str> = allowed.iter().map(|status| OrderStatus::as_str(*status)).collect();
    let instead = match names.as_slice() {
        [] => "it stays so".to_owned(),
        names => format!("it may become {}", names.join(" or ")),
    };
    let again = match wanted == &current.status {
        true => format!("the order is {wanted} already, with another parcel: {instead}"),
        false => format!("the order is {} and cannot become {wanted}: {instead}", current.status),
    };
    let step = current.step.as_ref().map(crate::domain::saga::Step::as_str);
    Problem::new(IllegalTransition, again)
        .with("current_status", current.status.as_str())
        .with("current_step", step)
        .with("wanted_status", wanted.as_str())
        .with("allowed_statuses", names)
}
