//! `/api/v1/replays`: dead letters go back to their consumers. A replay is recorded here; the dead-letter-handler carries it out.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use super::cursor;
use super::dead_letters::IdInPath;
use super::dead_letters::read::{Chosen, letters};
use super::json_body::JsonBody;
use super::parameters::{PAGE, PageParameters, Parameters};
use super::problem::ProblemKind::{Conflict, NotFound};
use super::problem::{Problem, ProblemKind, of_database};
use super::products::short_text;
use super::router::ApiState;
use crate::contract::Fields;
use crate::contract::requests::{NewReplay, ReplayQuestion};
use crate::dead_letters::mask::mask_text;
use crate::dead_letters::replay::{Begin, Preview, Turn, begin, first_items, preview, turn};
use crate::store::dead_letters::{self as store, Item, Operation};

/// Letters that a preview tries, the groups in turns: the request must end in time.
const SAMPLE: i64 = 200;
const RATE: i64 = 500;
const FAILURE_LIMIT: f64 = 0.05;

/// Say what a replay would come to
///
/// By cause: how many letters there are, and what would become of the first of them. Their consumers' own code runs, is rolled back,
/// and calls nobody.
#[utoipa::path(
    post, path = "/api/v1/replays/preview", operation_id = "previewReplay", tag = "dead letters",
    request_body = ReplayQuestion,
    responses((status = 200, description = "What would come of it.", body = Preview))
)]
pub(super) async fn ask(State(state): State<ApiState>, body: JsonBody) -> Result<Json<Preview>, Problem> {
    let mut fields = Fields::new(&body.object, "");
    let chosen = letters(&mut fields);
    let faults = fields.faults();
    let Some(chosen) = chosen.filter(|_| faults.is_empty()) else { return Err(Problem::validation(faults)) };
    let answer = preview(&state.db, &chosen.selection(), SAMPLE, state.consumers()).await;
    let mut answer = answer.map_err(|error| of_database(&error))?;
    for group in &mut answer.groups {
        group.error = mask_text(&group.error);
        for verdict in &mut group.verdicts {
            verdict.example = mask_text(&verdict.example);
        }
    }
    Ok(Json(answer))
}

/// Replay dead letters
///
/// Each goes back to the consumer that failed, and to no other: a few first, more as they go well, and none of a kind that fails
/// again. The dead-letter-handler takes it up within seconds; ask how far it has come.
#[utoipa::path(
    post, path = "/api/v1/replays", operation_id = "beginReplay", tag = "dead letters",
    request_body = NewReplay,
    responses((
        status = 201, description = "Begun.", body = Operation,
        headers(("Location" = String, description = "Where it is shown."))
    ))
)]
pub(super) async fn create(State(state): State<ApiState>, caller: Caller, body: JsonBody) -> Result<Response, Problem> {
    let asked = read(&body)?;
    let asked_for = Begin {
        actor: &caller.actor,
        reason: Some(&asked.reason),
        rate: asked.rate,
        failure_limit: asked.failure_limit,
        watched: asked.watched,
        runner: None,
    };
    let mut transaction = state.transaction().await?;
    let begun = begin(&mut transaction, &asked_for, &asked.letters.selection()).await;
    let operation = begun.map_err(|error| of_database(&error))?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    tracing::info!(replay = %operation.id, total = operation.total, "replay asked for");
    let location = format!("/api/v1/replays/{}", operation.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(operation)).into_response())
}

struct Asked {
    letters: Chosen,
    reason: String,
    rate: i32,
    failure_limit: f64,
    watched: bool,
}

fn read(body: &JsonBody) -> Result<Asked, Problem> {
    let mut fields = Fields::new(&body.object, "");
    let letters = letters(&mut fields);
    let reason = fields.text("reason", short_text);
    let rate = match fields.value("rate") {
        None => Some(RATE),
        Some(_) => fields.whole("rate", 1, 10_000),
    };
    let failure_limit = match fields.value("failure_limit") {
        None => FAILURE_LIMIT,
        Some(value) => match value.as_f64() {
            Some(share) if (0.0..=1.0).contains(&share) => share,
            Some(_) | None => {
                fields.fault("failure_limit", "must be a number from 0 to 1");
                FAILURE_LIMIT
            }
        },
    };
    let watched = fields.optional_flag("watched").unwrap_or(true);
    let faults = fields.faults();
    match (letters, reason, rate.and_then(|rate| i32::try_from(rate).ok())) {
        (Some(letters), Some(reason), Some(rate)) if faults.is_empty() => {
            Ok(Asked { letters, reason, rate, failure_limit, watched })
        }
        _ => Err(Problem::validation(faults)),
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct ReplayPage {
    /// The newest first.
    replays: Vec<Operation>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// List replays
///
/// The newest first, each with how far it has come.
#[utoipa::path(
    get, path = "/api/v1/replays", operation_id = "listReplays", tag = "dead letters",
    params(PageParameters),
    responses((status = 200, description = "A page of replays.", body = ReplayPage))
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    mut parameters: Parameters,
) -> Result<Json<ReplayPage>, Problem> {
    let before = parameters.optional("cursor", |text| Uuid::parse_str(text).map_err(|_| cursor::ForeignCursor));
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    let found = store::operations(&mut connection, before, limit + 1).await;
    let mut replays = found.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut replays, limit, |last| last.id.to_string());
    Ok(Json(ReplayPage { replays, next_cursor }))
}

/// A replay, and what became of its first messages.
#[derive(Serialize, ToSchema)]
pub(super) struct ReplayDetails {
    replay: Operation,
    /// At most 20: what failed again before the others.
    first: Vec<Item>,
}

/// Show a replay
///
/// How far it has come, and what became of its first messages.
#[utoipa::path(
    get, path = "/api/v1/replays/{id}", operation_id = "getReplay", tag = "dead letters",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    responses((status = 200, description = "The replay.", body = ReplayDetails)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn show(State(state): State<ApiState>, id: IdInPath) -> Result<Json<ReplayDetails>, Problem> {
    let id = of_path(id)?;
    let mut connection = state.connection().await?;
    let replay = store::operation(&mut connection, id).await.map_err(|error| of_database(&error))?;
    let replay = replay.ok_or_else(unknown)?;
    let first = first_items(&mut connection, id).await.map_err(|error| of_database(&error))?;
    Ok(Json(ReplayDetails { replay, first }))
}

/// Pause a replay
///
/// Nothing more is sent; what is on its way ends.
#[utoipa::path(
    post, path = "/api/v1/replays/{id}/pause", operation_id = "pauseReplay", tag = "dead letters",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    responses((status = 200, description = "The replay, paused.", body = Operation)),
    extensions(("x-problems" = json!([NotFound, Conflict])))
)]
pub(super) async fn pause(
    State(state): State<ApiState>,
    caller: Caller,
    id: IdInPath,
) -> Result<Json<Operation>, Problem> {
    turned(&state, &caller, id, Turn::Pause).await
}

/// Go on with a replay
///
/// The dead-letter-handler takes it up within seconds.
#[utoipa::path(
    post, path = "/api/v1/replays/{id}/resume", operation_id = "resumeReplay", tag = "dead letters",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    responses((status = 200, description = "The replay, running.", body = Operation)),
    extensions(("x-problems" = json!([NotFound, Conflict])))
)]
pub(super) async fn resume(
    State(state): State<ApiState>,
    caller: Caller,
    id: IdInPath,
) -> Result<Json<Operation>, Problem> {
    turned(&state, &caller, id, Turn::Resume).await
}

/// Cancel a replay
///
/// Nothing more is sent, for good; what was not sent waits for an operator again.
#[utoipa::path(
    post, path = "/api/v1/replays/{id}/cancel", operation_id = "cancelReplay", tag = "dead letters",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    responses((status = 200, description = "The replay, cancelled.", body = Operation)),
    extensions(("x-problems" = json!([NotFound, Conflict])))
)]
pub(super) async fn cancel(
    State(state): State<ApiState>,
    caller: Caller,
    id: IdInPath,
) -> Result<Json<Operation>, Problem> {
    turned(&state, &caller, id, Turn::Cancel).await
}

async fn turned(state: &ApiState, caller: &Caller, id: IdInPath, wanted: Turn) -> Result<Json<Operation>, Problem> {
    let id = of_path(id)?;
    let mut transaction = state.transaction().await?;
    let turned = turn(&mut transaction, &caller.actor, id, wanted).await.map_err(|error| of_database(&error))?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    match turned {
        None => Err(unknown()),
        Some((operation, true)) => Ok(Json(operation)),
        Some((operation, false)) => {
            let from: Vec<String> = wanted.from().iter().map(ToString::to_string).collect();
            let detail = format!("the replay is {}; it would have to be {}", operation.state, from.join(" or "));
            Err(Problem::new(ProblemKind::Conflict, detail))
        }
    }
}

fn of_path(id: IdInPath) -> Result<Uuid, Problem> {
    id.map(|Path(id)| id).map_err(|_| unknown())
}

fn unknown() -> Problem {
    Problem::new(ProblemKind::NotFound, "no replay has this id")
}
