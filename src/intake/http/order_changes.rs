//! `/api/v1/orders/{id}/cancel`, `ship`, `deliver`: what people ask of an order. One transaction: the order is locked, the saga
//! decides, and its new state, its history and the messages that follow are committed together.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::Map;
use time::OffsetDateTime;
use uuid::Uuid;

use super::correlation::CorrelationId;
use super::json_body::{JsonBody, OptionalJsonBody};
use super::orders::{ANYONE, read_id, unknown};
use super::problem::{Problem, ProblemKind, of_database};
use super::router::ApiState;
use crate::contract::Fields;
use crate::contract::order::whole_microseconds;
use crate::domain::{Carrier, OrderId, OrderStatus, Shipment, TrackingNumber};
use crate::lifecycle::{Asked, NotAllowed, Origin, Request, request};
use crate::store::order_queries;

/// Longest reason, in characters.
const MAX_REASON: usize = 500;

/// `POST /api/v1/orders/{id}/cancel`
pub(super) async fn cancel(
    State(state): State<ApiState>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    id: Result<Path<Uuid>, PathRejection>,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Problem> {
    let id = read_id(id)?;
    let reason = read_reason(body)?;
    let origin = Origin { actor: ANYONE, why: reason.as_deref(), correlation_id: &correlation_id };
    ask(&state, id, &Request::Cancel, &origin).await
}

/// `POST /api/v1/orders/{id}/ship`
pub(super) async fn ship(
    State(state): State<ApiState>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    id: Result<Path<Uuid>, PathRejection>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let id = read_id(id)?;
    let mut fields = Fields::new(&body.object, "");
    let carrier = fields.text("carrier", |text| Carrier::parse(text.trim()));
    let tracking_number = fields.text("tracking_number", |text| TrackingNumber::parse(text.trim()));
    let (Some(carrier), Some(tracking_number), true) = (carrier, tracking_number, fields.unknown().is_empty()) else {
        return Err(faults(fields));
    };
    let shipment = Shipment { carrier, tracking_number, shipped_at: whole_microseconds(OffsetDateTime::now_utc()) };
    let why = format!("{} {}", shipment.carrier, shipment.tracking_number);
    let origin = Origin { actor: ANYONE, why: Some(&why), correlation_id: &correlation_id };
    ask(&state, id, &Request::Ship(shipment), &origin).await
}

/// `POST /api/v1/orders/{id}/deliver`
pub(super) async fn deliver(
    State(state): State<ApiState>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    id: Result<Path<Uuid>, PathRejection>,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Problem> {
    let id = read_id(id)?;
    let reason = read_reason(body)?;
    let origin = Origin { actor: ANYONE, why: reason.as_deref(), correlation_id: &correlation_id };
    ask(&state, id, &Request::Deliver, &origin).await
}

/// The optional `reason` of an optional body.
fn read_reason(body: Option<JsonBody>) -> Result<Option<String>, Problem> {
    let object = body.map_or_else(Map::new, |body| body.object);
    let mut fields = Fields::new(&object, "");
    let reason = fields.optional_text("reason", |text| short_text(text, MAX_REASON));
    if fields.errors.is_empty() && fields.unknown().is_empty() { Ok(reason) } else { Err(faults(fields)) }
}

fn faults(fields: Fields<'_>) -> Problem {
    let unknown = fields.unknown();
    let mut errors = fields.errors;
    errors.extend(unknown);
    Problem::validation(errors)
}

/// 1 to `max` characters; of the control characters only line breaks.
pub(super) fn short_text(text: &str, max: usize) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        found if !(1..=max).contains(&found) => Err(format!("must have 1 to {max} characters")),
        _ if text.chars().any(|c| c.is_control() && c != '\n') => Err("must not contain control characters".to_owned()),
        _ => Ok(text.to_owned()),
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
    Problem::new(ProblemKind::IllegalTransition, again)
        .with("current_status", current.status.as_str())
        .with("current_step", step)
        .with("wanted_status", wanted.as_str())
        .with("allowed_statuses", names)
}
