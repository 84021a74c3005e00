//! `/api/v1/dead-letter-groups`: the causes behind the dead letters.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use super::dead_letters::IdInPath;
use super::dead_letters::read::group_change;
use super::json_body::JsonBody;
use super::parameters::Parameters;
use super::problem::ProblemKind::NotFound;
use super::problem::{Problem, ProblemKind, of_database};
use super::products::short_text;
use super::router::ApiState;
use crate::contract::requests::{LetterGroupChange, ShortText};
use crate::dead_letters::change_group;
use crate::store::dead_letters::{self as store, Group, GroupFilter, GroupState};

/// Groups of one answer: the default, and what may be asked for. There are as many as there are causes.
const AT_ONCE: (i64, std::ops::RangeInclusive<i64>) = (100, 1..=1_000);

#[derive(Serialize, ToSchema)]
pub(super) struct Groups {
    /// The latest death first.
    groups: Vec<Group>,
}

/// List the causes of dead letters
///
/// One group for each cause: how many died of it, since when, whether alone or with their neighbours, and whose it is. Without
/// `all`, only those of which letters wait for an operator.
#[utoipa::path(
    get, path = "/api/v1/dead-letter-groups", operation_id = "listDeadLetterGroups", tag = "dead letters",
    params(
        ("state" = Option<GroupState>, Query, description = "Only groups that stand so."),
        ("owner" = Option<ShortText>, Query, description = "Only groups of this owner."),
        ("all" = Option<bool>, Query, description = "Also groups of which no letter waits for an operator."),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "Most groups; absent means 100.")
    ),
    responses((status = 200, description = "The groups.", body = Groups))
)]
pub(super) async fn list(State(state): State<ApiState>, mut parameters: Parameters) -> Result<Json<Groups>, Problem> {
    let filter = GroupFilter {
        state: parameters.optional("state", str::parse::<GroupState>),
        owner: parameters.optional("owner", short_text),
        unresolved: !parameters
            .optional("all", |text| text.parse::<bool>().map_err(|_| "must be true or false"))
            .unwrap_or(false),
    };
    let limit = parameters.whole("limit", AT_ONCE);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    let groups = store::groups(&mut connection, &filter, limit).await.map_err(|error| of_database(&error))?;
    Ok(Json(Groups { groups }))
}

/// Show one cause of dead letters
///
/// How many died of it, since when, and what is known about it.
#[utoipa::path(
    get, path = "/api/v1/dead-letter-groups/{id}", operation_id = "getDeadLetterGroup", tag = "dead letters",
    params(("id" = Uuid, Path, example = "5a0c2f0e-91c3-8b55-a2b7-0d6c2a3c4e11")),
    responses((status = 200, description = "The group.", body = Group)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn show(State(state): State<ApiState>, id: IdInPath) -> Result<Json<Group>, Problem> {
    let id = of_path(id)?;
    let mut connection = state.connection().await?;
    let group = store::group(&mut connection, id).await.map_err(|error| of_database(&error))?;
    group.map(Json).ok_or_else(unknown)
}

/// Change what is known of a cause
///
/// Its state, its owner, a note. What is absent stays.
#[utoipa::path(
    patch, path = "/api/v1/dead-letter-groups/{id}", operation_id = "changeDeadLetterGroup", tag = "dead letters",
    params(("id" = Uuid, Path, example = "5a0c2f0e-91c3-8b55-a2b7-0d6c2a3c4e11")),
    request_body = LetterGroupChange,
    responses((status = 200, description = "The group as it is now.", body = Group)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    id: IdInPath,
    body: JsonBody,
) -> Result<Json<Group>, Problem> {
    let id = of_path(id)?;
    let change = group_change(&body)?;
    let mut transaction = state.transaction().await?;
    if !change.is_empty() {
        change_group(&mut transaction, &caller.actor, id, &change).await.map_err(|error| of_database(&error))?;
    }
    let group = store::group(&mut transaction, id).await.map_err(|error| of_database(&error))?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    group.map(Json).ok_or_else(unknown)
}

fn of_path(id: IdInPath) -> Result<Uuid, Problem> {
    id.map(|axum::extract::Path(id)| id).map_err(|_| unknown())
}

fn unknown() -> Problem {
    Problem::new(ProblemKind::NotFound, "no group of dead letters has this id")
}
