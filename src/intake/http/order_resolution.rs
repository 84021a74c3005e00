//! `/api/v1/orders/{id}/resolve`: an operator ends an order that stands still, as far as its stock and its payment allow.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::caller::Caller;
use super::json_body::JsonBody;
use super::orders::{read_id, unknown};
use super::problem::ProblemKind::{IllegalTransition, NotFound};
use super::problem::{Problem, of_database};
use super::products::{faults, short_text, unfaulted};
use super::router::ApiState;
use crate::contract::Fields;
use crate::contract::requests::Resolution;
use crate::domain::saga::{End, Facts, State as Saga, Step, allowed};
use crate::domain::{OrderId, OrderStatus};
use crate::lifecycle::{Origin, Resolved, resolve as end_by_hand};
use crate::store::order_queries::{self, OrderDetails};

/// Resolve an order that stands still
///
/// An answer that was lost is given again from what is on record; a step that nobody answered is given up, and undone as a cancellation is.
/// Where stock and payment do not allow the wanted end, the answer says what is missing. Resolving twice is harmless.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/resolve", operation_id = "resolveOrder", tag = "operations",
    params(("id" = OrderId, Path)),
    request_body = Resolution,
    responses(
        (status = 200, description = "The order has ended so.", body = OrderDetails),
        (status = 202, description = "The order is on its way there: answers are awaited.", body = OrderDetails)
    ),
    extensions(("x-problems" = json!([NotFound, IllegalTransition])))
)]
pub(super) async fn resolve(
    State(state): State<ApiState>,
    caller: Caller,
    id: Result<Path<Uuid>, PathRejection>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let id = read_id(id)?;
    let mut fields = Fields::new(&body.object, "");
    let end = fields.text("as", |text| End::parse(text).ok_or("must be confirmed, failed or cancelled"));
    let reason = fields.text("reason", short_text);
    let (Some(end), Some(reason), true) = (end, reason, unfaulted(&fields)) else { return Err(faults(fields)) };
    let mut transaction = state.transaction().await?;
    let origin = Origin { actor: &caller.actor, why: Some(&reason), correlation_id: &caller.correlation_id };
    let resolved = end_by_hand(&mut transaction, &state.saga, id, end, &reason, &origin).await;
    let (changed, now) = match resolved.map_err(|error| of_database(&error))? {
        Resolved::Granted { changed, state } => (changed, state),
        Resolved::Missing { what, current, facts } => return Err(missing(&what, &current, &facts, end)),
        Resolved::Unknown => return Err(unknown()),
    };
    let order = order_queries::find(&mut transaction, id).await.map_err(|error| of_database(&error))?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    if changed {
        state.intake.wake_relay();
        tracing::info!(order_id = %id, actor = %caller.actor, wanted = %end.status(), "resolved by hand");
    }
    let status = if now.step.is_none() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(order.ok_or_else(unknown)?)).into_response())
}

fn missing(what: &str, current: &Saga, facts: &Facts, end: End) -> Problem {
    let step = current.step.as_ref().map(Step::as_str);
    let at = step.map(|step| format!(", {step}")).unwrap_or_default();
    let detail = format!("the order is {}{at} and cannot end as {}: {what}", current.status, end.status());
    let allowed: Vec<&str> = allowed(current).iter().map(|status| OrderStatus::as_str(*status)).collect();
    Problem::new(IllegalTransition, detail)
        .with("current_status", current.status.as_str())
        .with("current_step", step)
        .with("wanted_status", end.status().as_str())
        .with("allowed_statuses", allowed)
        .with("reservation", facts.reservation_word())
        .with("payment", facts.payment_word())
}
