//! `/api/v1/dead-letters`: what nobody could process: the list, and everything about one. Repairs and ends are in `changes`.

pub(super) mod changes;
pub(super) mod read;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use super::cursor;
use super::parameters::{PAGE, PageParameters, Parameters};
use super::problem::ProblemKind::NotFound;
use super::problem::{Problem, ProblemKind, of_database};
use super::router::ApiState;
use crate::contract::read_moment;
use crate::contract::requests::ShortText;
use crate::dead_letters::case::Case;
use crate::dead_letters::mask::mask_text;
use crate::dead_letters::revealed;
use crate::dead_letters::view::{View, view};
use crate::domain::{CustomerId, OrderId, Sku};
use crate::store::dead_letters::{self as store, Count, CountedBy, Cursor, Filter, State as LetterState, Summary};

#[derive(Serialize, ToSchema)]
pub(super) struct LetterPage {
    /// The newest failure first. Personal data in errors is hidden.
    dead_letters: Vec<Summary>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// List dead letters
///
/// Messages that nobody could process, the newest failure first, by any part of what is known of them.
#[utoipa::path(
    get, path = "/api/v1/dead-letters", operation_id = "listDeadLetters", tag = "dead letters",
    params(
        ("state" = Option<LetterState>, Query, description = "Only letters that stand so."),
        ("group_id" = Option<Uuid>, Query, description = "Only letters of this group."),
        ("kind" = Option<ShortText>, Query, description = "Only messages of this type, as in order.submitted."),
        ("customer_id" = Option<CustomerId>, Query, description = "Only messages about this customer's orders."),
        ("sku" = Option<Sku>, Query, description = "Only messages about this product."),
        ("queue" = Option<ShortText>, Query, description = "Only what the consumer of this queue failed at."),
        ("reason" = Option<ShortText>, Query, description = "Only what died so, as in bad_message or attempts_exhausted."),
        ("order_id" = Option<OrderId>, Query, description = "Only messages about this order."),
        ("text" = Option<ShortText>, Query, description = "Only where the error holds this, in upper or lower case."),
        ("since" = Option<String>, Query, format = DateTime, description = "Failed last at this time or later."),
        ("until" = Option<String>, Query, format = DateTime, description = "Failed last before this time."),
        PageParameters
    ),
    responses((status = 200, description = "A page of dead letters.", body = LetterPage))
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    mut parameters: Parameters,
) -> Result<Json<LetterPage>, Problem> {
    let filter = read::of_query(&mut parameters);
    let after = parameters.optional("cursor", |text| text.parse::<Cursor>().map_err(|_| cursor::ForeignCursor));
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    let found = store::list(&mut connection, &filter, after, limit + 1).await;
    let mut dead_letters = found.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut dead_letters, limit, |last| Cursor::after(last).to_string());
    for letter in &mut dead_letters {
        letter.error = mask_text(&letter.error);
        letter.state_reason = letter.state_reason.as_deref().map(mask_text);
    }
    Ok(Json(LetterPage { dead_letters, next_cursor }))
}

/// How many dead letters there are of each.
#[derive(Serialize, ToSchema)]
pub(super) struct Counts {
    by: CountedBy,
    /// The most first.
    counts: Vec<Count>,
}

/// Count dead letters
///
/// How many there are of each order, customer, product, type, consumer or reason; without `state`, of those that wait for an operator.
#[utoipa::path(
    get, path = "/api/v1/dead-letters/counts", operation_id = "countDeadLetters", tag = "dead letters",
    params(
        ("by" = Option<CountedBy>, Query, description = "What is counted by; absent means the message's type."),
        ("state" = Option<LetterState>, Query, description = "Letters that stand so; absent means unresolved."),
        ("since" = Option<String>, Query, format = DateTime, description = "Failed last at this time or later."),
        ("until" = Option<String>, Query, format = DateTime, description = "Failed last before this time."),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "Most entries; absent means 50.")
    ),
    responses((status = 200, description = "The counts.", body = Counts))
)]
pub(super) async fn count(State(state): State<ApiState>, mut parameters: Parameters) -> Result<Json<Counts>, Problem> {
    let by = parameters.optional("by", str::parse::<CountedBy>).unwrap_or(CountedBy::Kind);
    let filter = Filter {
        state: parameters.optional("state", str::parse::<LetterState>).or(Some(LetterState::Unresolved)),
        since: parameters.optional("since", read_moment),
        until: parameters.optional("until", read_moment),
        ..Filter::default()
    };
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    let counts = store::counts(&mut connection, &filter, by, limit).await.map_err(|error| of_database(&error))?;
    Ok(Json(Counts { by, counts }))
}

/// Show everything about a dead letter
///
/// The message, why it failed each time, where it travelled, its group, its order, and what would happen if it were replayed now: its
/// consumer's own code runs, is rolled back, and calls nobody. Personal data is hidden.
#[utoipa::path(
    get, path = "/api/v1/dead-letters/{id}", operation_id = "getDeadLetter", tag = "dead letters",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    responses((status = 200, description = "The dead letter.", body = View)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn show(State(state): State<ApiState>, id: IdInPath) -> Result<Json<Value>, Problem> {
    case(&state, of_path(id)?, false).await
}

/// Show a dead letter with its personal data
///
/// For admins; the audit log is told who looked.
#[utoipa::path(
    post, path = "/api/v1/dead-letters/{id}/reveal", operation_id = "revealDeadLetter", tag = "dead letters",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    responses((status = 200, description = "The dead letter as it is.", body = View)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn reveal(
    State(state): State<ApiState>,
    caller: Caller,
    id: IdInPath,
) -> Result<Json<Value>, Problem> {
    let id = of_path(id)?;
    let answer = case(&state, id, true).await?;
    // told before it is shown
    let mut connection = state.connection().await?;
    revealed(&mut connection, &caller.actor, id).await.map_err(|error| of_database(&error))?;
    Ok(answer)
}

async fn case(state: &ApiState, id: Uuid, reveal: bool) -> Result<Json<Value>, Problem> {
    let case = Case::open(&state.db, id, state.consumers()).await.map_err(|error| of_database(&error))?;
    let shown = view(case.ok_or_else(unknown)?, reveal);
    shown.map(Json).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, dead_letter_id = %id, "a dead letter cannot be written");
        Problem::new(ProblemKind::Internal, "the dead letter cannot be written")
    })
}

/// An id in the path; anything that is none is nobody's.
pub(super) type IdInPath = Result<Path<Uuid>, PathRejection>;

fn of_path(id: IdInPath) -> Result<Uuid, Problem> {
    id.map(|Path(id)| id).map_err(|_| unknown())
}

fn unknown() -> Problem {
    Problem::new(ProblemKind::NotFound, "no dead letter has this id")
}
