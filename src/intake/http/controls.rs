//! `/api/v1/stopped`, `/api/v1/consumers/{queue}/pause` and `resume`, `/api/v1/orders/{id}/hold` and `release`,
//! `/api/v1/queues/{queue}/drain`: what an operator stops, lets go and takes away, over the code of the commands of dead-letter-handler.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use super::json_body::JsonBody;
use super::orders::read_id;
use super::parameters::Parameters;
use super::problem::ProblemKind::{Conflict, NotFound, Overloaded, Validation};
use super::problem::{Problem, of_database};
use super::products::{faults, short_text, unfaulted};
use super::router::ApiState;
use crate::contract::Fields;
use crate::contract::requests::{DrainRequest, Why};
use crate::contract::status::Stopped;
use crate::dead_letters::drain::{Drained, Undrained, consumer_of, drain as take_out, waiting};
use crate::dead_letters::stops;
use crate::domain::OrderId;
use crate::messaging::QueuesError;
use crate::store::controls;
use crate::telemetry::chain;
use crate::topology::WorkQueue;

/// Most things of the list: more are not held one by one.
const LISTED: i64 = 1_000;
/// How long one request drains: below the longest time of a request, with the end of it to be stored.
const DRAINING: Duration = Duration::from_secs(8);

#[derive(Serialize, ToSchema)]
pub(super) struct StoppedList {
    /// Paused consumers, then held orders; the oldest first.
    stopped: Vec<Stopped>,
}

/// Whether the consumers of a queue are paused now.
#[derive(Serialize, ToSchema)]
pub(super) struct ConsumerState {
    queue: &'static str,
    paused: bool,
}

/// Whether an order is held now.
#[derive(Serialize, ToSchema)]
pub(super) struct HoldState {
    order_id: OrderId,
    held: bool,
}

/// What was taken out of a queue.
#[derive(Serialize, ToSchema)]
pub(super) struct DrainReport {
    queue: String,
    /// Letters stored.
    letters: u64,
    /// Messages that wait in the queue now.
    left: u32,
    /// Whether all was taken that waited when it began; if not, ask again.
    complete: bool,
}

/// List what operators have stopped
///
/// Paused consumers and held orders, with who, since when and why.
#[utoipa::path(
    get, path = "/api/v1/stopped", operation_id = "listStopped", tag = "operations",
    responses((status = 200, description = "What is stopped.", body = StoppedList)),
    extensions(("x-problems" = json!([Validation])))
)]
pub(super) async fn list(State(state): State<ApiState>, parameters: Parameters) -> Result<Json<StoppedList>, Problem> {
    parameters.finish()?;
    let mut db = state.connection().await?;
    let stopped = controls::stopped(&mut db, LISTED).await.map_err(|error| of_database(&error))?;
    Ok(Json(StoppedList { stopped }))
}

/// Pause the consumers of a queue
///
/// They finish what they have in hand and take nothing more, within a second or two; messages wait in the queue. Pausing again changes the
/// reason.
#[utoipa::path(
    post, path = "/api/v1/consumers/{queue}/pause", operation_id = "pauseConsumers", tag = "operations",
    params(("queue" = String, Path, description = "A queue that the fleet consumes.", example = "payment_requests")),
    request_body = Why,
    responses((status = 200, description = "They are paused.", body = ConsumerState)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn pause(
    State(state): State<ApiState>,
    caller: Caller,
    queue: Result<Path<String>, PathRejection>,
    body: JsonBody,
) -> Result<Json<ConsumerState>, Problem> {
    let queue = consumed(queue)?;
    let reason = read_reason(&body.object)?;
    let mut tx = state.transaction().await?;
    stops::pause(&mut tx, queue, &caller.by(&reason)).await.map_err(|error| of_database(&error))?;
    tx.commit().await.map_err(|error| of_database(&error))?;
    Ok(Json(ConsumerState { queue: queue.name(), paused: true }))
}

/// Let the consumers of a queue go on
///
/// Within a second or two.
#[utoipa::path(
    post, path = "/api/v1/consumers/{queue}/resume", operation_id = "resumeConsumers", tag = "operations",
    params(("queue" = String, Path, description = "A queue that the fleet consumes.", example = "payment_requests")),
    request_body = Why,
    responses((status = 200, description = "They go on.", body = ConsumerState)),
    extensions(("x-problems" = json!([NotFound, Conflict])))
)]
pub(super) async fn resume(
    State(state): State<ApiState>,
    caller: Caller,
    queue: Result<Path<String>, PathRejection>,
    body: JsonBody,
) -> Result<Json<ConsumerState>, Problem> {
    let queue = consumed(queue)?;
    let reason = read_reason(&body.object)?;
    let mut tx = state.transaction().await?;
    let was_paused = stops::resume(&mut tx, queue, &caller.by(&reason)).await.map_err(|error| of_database(&error))?;
    if !was_paused {
        return Err(Problem::new(Conflict, format!("consumers of {} are not paused", queue.name())));
    }
    tx.commit().await.map_err(|error| of_database(&error))?;
    Ok(Json(ConsumerState { queue: queue.name(), paused: false }))
}

/// Hold an order
///
/// Messages about it are parked until it is released, whatever their queue. Holding it again changes the reason. The order need not be known
/// yet.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/hold", operation_id = "holdOrder", tag = "operations",
    params(("id" = OrderId, Path)),
    request_body = Why,
    responses((status = 200, description = "It is held.", body = HoldState)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn hold(
    State(state): State<ApiState>,
    caller: Caller,
    id: Result<Path<Uuid>, PathRejection>,
    body: JsonBody,
) -> Result<Json<HoldState>, Problem> {
    let order_id = read_id(id)?;
    let reason = read_reason(&body.object)?;
    let mut tx = state.transaction().await?;
    stops::hold(&mut tx, order_id.0, &caller.by(&reason)).await.map_err(|error| of_database(&error))?;
    tx.commit().await.map_err(|error| of_database(&error))?;
    Ok(Json(HoldState { order_id, held: true }))
}

/// Let a held order go on
///
/// What was parked follows in its sequence.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/release", operation_id = "releaseOrder", tag = "operations",
    params(("id" = OrderId, Path)),
    request_body = Why,
    responses((status = 200, description = "It goes on.", body = HoldState)),
    extensions(("x-problems" = json!([NotFound, Conflict])))
)]
pub(super) async fn release(
    State(state): State<ApiState>,
    caller: Caller,
    id: Result<Path<Uuid>, PathRejection>,
    body: JsonBody,
) -> Result<Json<HoldState>, Problem> {
    let order_id = read_id(id)?;
    let reason = read_reason(&body.object)?;
    let mut tx = state.transaction().await?;
    let was_held =
        stops::let_go(&mut tx, order_id.0, &caller.by(&reason)).await.map_err(|error| of_database(&error))?;
    if !was_held {
        return Err(Problem::new(Conflict, "the order is not held"));
    }
    tx.commit().await.map_err(|error| of_database(&error))?;
    Ok(Json(HoldState { order_id, held: false }))
}

/// Drain a queue
///
/// Takes every message that waits in it into the store of dead letters, as unresolved with the reason `drained`; each is stored before it
/// leaves the queue. Takes what it can within some seconds: as long as `complete` is false, ask again. Pause the consumers first, or they
/// take their share.
#[utoipa::path(
    post, path = "/api/v1/queues/{queue}/drain", operation_id = "drainQueue", tag = "operations",
    params(("queue" = String, Path, description = "A queue that the fleet consumes, or one of its retry queues.",
            example = "payment_requests")),
    request_body = DrainRequest,
    responses((status = 200, description = "What was taken.", body = DrainReport)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn drain(
    State(state): State<ApiState>,
    caller: Caller,
    queue: Result<Path<String>, PathRejection>,
    body: JsonBody,
) -> Result<Json<DrainReport>, Problem> {
    let unknown = || Problem::new(NotFound, "no queue of this name can be drained");
    let Path(queue) = queue.map_err(|_| unknown())?;
    let consumer = consumer_of(&queue).ok_or_else(unknown)?;
    let mut fields = Fields::new(&body.object, "");
    let reason = fields.text("reason", short_text);
    let dry_run = fields.optional_flag("dry_run").unwrap_or(false);
    let Some(reason) = reason.filter(|_| unfaulted(&fields)) else { return Err(faults(fields)) };
    let found = waiting(&state.broker, &queue).await.map_err(|error| of_queues(&error))?.ok_or_else(unknown)?;
    if dry_run || found.messages == 0 {
        let complete = found.messages == 0;
        return Ok(Json(DrainReport { queue, letters: 0, left: found.messages, complete }));
    }
    let until = Instant::now() + DRAINING;
    let drained = take_out(&state.db, &state.broker, &queue, consumer, &caller.by(&reason), Some(until)).await;
    let Drained { letters, left, is_complete } = drained.map_err(|error| match &error {
        Undrained::Database(database) => of_database(database),
        Undrained::Queues(queues) => of_queues(queues),
        Undrained::Broker(_) => away(&chain(&error)),
    })?;
    Ok(Json(DrainReport { queue, letters, left, complete: is_complete }))
}

fn consumed(queue: Result<Path<String>, PathRejection>) -> Result<WorkQueue, Problem> {
    let unknown = || Problem::new(NotFound, "no consumer of the fleet takes from a queue of this name");
    let Path(name) = queue.map_err(|_| unknown())?;
    WorkQueue::by_name(&name).ok_or_else(unknown)
}

fn read_reason(body: &Map<String, Value>) -> Result<String, Problem> {
    let mut fields = Fields::new(body, "");
    let reason = fields.text("reason", short_text);
    reason.filter(|_| unfaulted(&fields)).ok_or_else(|| faults(fields))
}

fn of_queues(error: &QueuesError) -> Problem {
    away(&chain(error))
}

fn away(error: &str) -> Problem {
    tracing::warn!(error, "a queue cannot be drained");
    Problem::new(Overloaded, "the broker is not available at the moment")
}
