//! `/api/v1/webhooks/{id}/deliveries`: what was sent to an endpoint and what came of it; sending again; the test ping.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::caller::{Caller, Change};
use super::super::cursor;
use super::super::json_body::JsonBody;
use super::super::parameters::{PAGE, PageParameters, Parameters};
use super::super::problem::ProblemKind::{Conflict, NotFound};
use super::super::problem::{Problem, ProblemKind, of_database};
use super::super::products::short_text;
use super::super::router::ApiState;
use super::{IdInPath, of_path, read, target, unknown};
use crate::contract::webhook::Deliver;
use crate::contract::requests::ShortText;
use crate::contract::{read_moment, requests};
use crate::domain::webhook::{DeliveryState, EndpointState, PING, delivery_id};
use crate::store::outbox;
use crate::store::webhook_log::{self, Delivery, Filter, LoggedAttempt, NewDelivery, Position};
use crate::store::webhooks::{self, Endpoint};
use crate::topology::names;

/// Events that one request of a range looks at.
const AT_ONCE: i64 = 1_000;

#[derive(Serialize, ToSchema)]
pub(in super::super) struct DeliveryPage {
    /// The newest first.
    deliveries: Vec<Delivery>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// List what was sent to an endpoint
///
/// The newest first, each with how it stands and what its last attempt brought.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}/deliveries", operation_id = "listWebhookDeliveries", tag = "webhooks",
    params(
        ("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90"),
        ("state" = Option<DeliveryState>, Query, description = "Only deliveries that stand so."),
        ("event_type" = Option<ShortText>, Query, description = "Only events of this type."),
        ("since" = Option<String>, Query, description = "Made from this time on.", format = DateTime),
        ("until" = Option<String>, Query, description = "Made before this time.", format = DateTime),
        PageParameters
    ),
    responses((status = 200, description = "A page of deliveries.", body = DeliveryPage)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(in super::super) async fn list(
    State(state): State<ApiState>,
    id: IdInPath,
    mut parameters: Parameters,
) -> Result<Json<DeliveryPage>, Problem> {
    let id = of_path(id)?;
    let filter = Filter {
        state: parameters.optional("state", str::parse::<DeliveryState>),
        event_type: parameters.optional("event_type", short_text),
        since: parameters.optional("since", read_moment),
        until: parameters.optional("until", read_moment),
    };
    let position = parameters.optional("cursor", |text| cursor::read_moment(text).map(|(at, id)| Position { at, id }));
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    endpoint(&mut connection, id).await?;
    let position = position.unwrap_or(Position::NEWEST);
    let page = webhook_log::page(&mut connection, id, &filter, position, limit + 1).await;
    let mut deliveries = page.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut deliveries, limit, |last| cursor::of_moment(last.created_at, last.id));
    Ok(Json(DeliveryPage { deliveries, next_cursor }))
}

#[derive(Serialize, ToSchema)]
pub(in super::super) struct DeliveryDetails {
    #[serde(flatten)]
    delivery: Delivery,
    /// The newest hundred calls, the oldest of them first.
    log: Vec<LoggedAttempt>,
}

/// Show a delivery with each of its attempts
///
/// The newest hundred attempts, with status, duration, error and the beginning of the answer.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}/deliveries/{delivery_id}", operation_id = "getWebhookDelivery", tag = "webhooks",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90"), ("delivery_id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    responses((status = 200, description = "The delivery.", body = DeliveryDetails)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(in super::super) async fn show(
    State(state): State<ApiState>,
    ids: IdsInPath,
) -> Result<Json<DeliveryDetails>, Problem> {
    let (endpoint_id, id) = of_paths(ids)?;
    let mut connection = state.connection().await?;
    endpoint(&mut connection, endpoint_id).await?;
    let delivery = delivery(&mut connection, endpoint_id, id).await?;
    let log = webhook_log::attempts(&mut connection, id).await.map_err(|error| of_database(&error))?;
    Ok(Json(DeliveryDetails { delivery, log }))
}

/// Send an event to an endpoint again
///
/// Whether it has succeeded before or not, under the same `webhook-id`.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/deliveries/{delivery_id}/resend", operation_id = "resendWebhookDelivery",
    tag = "webhooks",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90"), ("delivery_id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    responses((status = 202, description = "The delivery, on its way again.", body = Delivery)),
    extensions(("x-problems" = json!([NotFound, Conflict])))
)]
pub(in super::super) async fn resend_one(
    State(state): State<ApiState>,
    caller: Caller,
    ids: IdsInPath,
) -> Result<(StatusCode, Json<Delivery>), Problem> {
    let (endpoint_id, id) = of_paths(ids)?;
    let mut transaction = state.transaction().await?;
    wants_webhooks(&endpoint(&mut transaction, endpoint_id).await?)?;
    let known = delivery(&mut transaction, endpoint_id, id).await?;
    let new = NewDelivery { id, event_id: known.event_id, event_type: known.event_type };
    send(&mut transaction, endpoint_id, &[new], true).await?;
    let delivery = delivery(&mut transaction, endpoint_id, id).await?;
    let asked = json!({"delivery_id": id});
    did(&caller, &mut transaction, "webhook.resend", endpoint_id, &asked).await?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    tracing::info!(%endpoint_id, delivery_id = %id, "webhook sent again");
    Ok((StatusCode::ACCEPTED, Json(delivery)))
}

/// What became of a resend.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Resent {
    /// Events that are on their way now.
    resent: usize,
    /// Events that the endpoint has taken already.
    skipped: usize,
    /// Not everything of that time was looked at: the same request with this cursor goes on. `null` when it was.
    next_cursor: Option<String>,
}

/// Send an endpoint what it has missed
///
/// The events of a range of time that the endpoint wants and has not taken: those that failed, those that still wait, those from
/// while it was paused, disabled or not registered. A thousand events at a time.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/resend", operation_id = "resendWebhooks", tag = "webhooks",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    request_body = requests::Resend,
    responses((status = 202, description = "What became of it.", body = Resent)),
    extensions(("x-problems" = json!([NotFound, Conflict])))
)]
pub(in super::super) async fn resend(
    State(state): State<ApiState>,
    caller: Caller,
    id: IdInPath,
    body: JsonBody,
) -> Result<(StatusCode, Json<Resent>), Problem> {
    let id = of_path(id)?;
    let read::Range { since, until, position } = read::range(&body)?;
    let mut transaction = state.transaction().await?;
    let endpoint = endpoint(&mut transaction, id).await?;
    wants_webhooks(&endpoint)?;
    let found =
        webhook_log::past_events(&mut transaction, &endpoint.interest(), (since, until), position, AT_ONCE + 1).await;
    let mut events = found.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut events, AT_ONCE, |last| cursor::of_moment(last.recorded_at, last.id));
    let of_event = |event: webhook_log::PastEvent| NewDelivery {
        id: delivery_id(event.id, id),
        event_id: event.id,
        event_type: event.event_type,
    };
    let deliveries: Vec<NewDelivery> = events.into_iter().map(of_event).collect();
    let resent = send(&mut transaction, id, &deliveries, false).await?;
    did(&caller, &mut transaction, "webhook.resend", id, &Value::Object(body.object)).await?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    tracing::info!(endpoint_id = %id, resent, "webhooks sent again");
    let skipped = deliveries.len() - resent;
    Ok((StatusCode::ACCEPTED, Json(Resent { resent, skipped, next_cursor })))
}

/// Test an endpoint
///
/// Sends one event of the type `webhook.ping`, without retries, also while the endpoint is paused or disabled. The delivery tells
/// what came of it.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/ping", operation_id = "pingWebhook", tag = "webhooks",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    responses((status = 202, description = "The ping, on its way.", body = Delivery)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(in super::super) async fn ping(
    State(state): State<ApiState>,
    caller: Caller,
    id: IdInPath,
) -> Result<(StatusCode, Json<Delivery>), Problem> {
    let endpoint_id = of_path(id)?;
    let mut transaction = state.transaction().await?;
    endpoint(&mut transaction, endpoint_id).await?;
    let event_id = Uuid::now_v7();
    let new = NewDelivery { id: delivery_id(event_id, endpoint_id), event_id, event_type: PING.to_owned() };
    let id = new.id;
    send(&mut transaction, endpoint_id, &[new], true).await?;
    let delivery = delivery(&mut transaction, endpoint_id, id).await?;
    did(&caller, &mut transaction, "webhook.ping", endpoint_id, &json!({"delivery_id": id})).await?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    tracing::info!(%endpoint_id, delivery_id = %id, "ping sent");
    Ok((StatusCode::ACCEPTED, Json(delivery)))
}

/// Writes into the audit log what somebody had sent.
async fn did(
    caller: &Caller,
    transaction: &mut PgConnection,
    action: &str,
    endpoint: Uuid,
    asked: &Value,
) -> Result<(), Problem> {
    let change = Change { after: Some(asked), ..Change::default() };
    caller.did(transaction, action, &target(endpoint), change).await
}

/// Writes deliveries and the requests to make them into the caller's transaction; answers how many there were. Without `forced`, those that have
/// succeeded are left out.
async fn send(
    transaction: &mut PgConnection,
    endpoint: Uuid,
    deliveries: &[NewDelivery],
    forced: bool,
) -> Result<usize, Problem> {
    let broken = |error: serde_json::Error| of_database(&sqlx::Error::Encode(error.into()));
    let pending =
        webhook_log::send_again(transaction, endpoint, deliveries).await.map_err(|error| of_database(&error))?;
    let requests = deliveries
        .iter()
        .filter(|delivery| forced || pending.contains(&delivery.id))
        // another message than the one before, or the inbox would stop it
        .map(|one| Deliver { delivery_id: one.id, forced }.outgoing(Uuid::now_v7(), names::WEBHOOK_DELIVERIES))
        .collect::<Result<Vec<_>, _>>()
        .map_err(broken)?;
    outbox::add_all(transaction, &requests).await.map_err(|error| of_database(&error))?;
    Ok(requests.len())
}

async fn endpoint(db: &mut PgConnection, id: Uuid) -> Result<Endpoint, Problem> {
    webhooks::find(db, id).await.map_err(|error| of_database(&error))?.ok_or_else(unknown)
}

async fn delivery(db: &mut PgConnection, endpoint: Uuid, id: Uuid) -> Result<Delivery, Problem> {
    let found = webhook_log::find(db, endpoint, id).await.map_err(|error| of_database(&error))?;
    found.ok_or_else(no_delivery)
}

fn wants_webhooks(endpoint: &Endpoint) -> Result<(), Problem> {
    match endpoint.state {
        EndpointState::Enabled => Ok(()),
        EndpointState::Paused | EndpointState::Disabled => {
            let detail = format!("the endpoint is {}: enable it first", endpoint.state);
            Err(Problem::new(ProblemKind::Conflict, detail))
        }
    }
}

/// Ids of an endpoint and of one of its deliveries.
type IdsInPath = Result<Path<(Uuid, Uuid)>, PathRejection>;

fn of_paths(ids: IdsInPath) -> Result<(Uuid, Uuid), Problem> {
    ids.map(|Path(ids)| ids).map_err(|_| no_delivery())
}

fn no_delivery() -> Problem {
    Problem::new(ProblemKind::NotFound, "the endpoint has no delivery with this id")
}
