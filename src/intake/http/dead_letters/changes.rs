//! `/api/v1/dead-letters/repairs`, `discards`, `restorations`, `erasures`: what is done with dead letters besides replaying them.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sqlx::{Postgres, Transaction};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::caller::Caller;
use super::super::json_body::JsonBody;
use super::super::problem::{Problem, of_database};
use super::super::router::ApiState;
use super::read::{self, Chosen};
use crate::contract::FieldError;
use crate::contract::requests::{Erasure, LetterRepair, NamedLetters};
use crate::dead_letters::Outcome;
use crate::dead_letters::erase::erase_customer;
use crate::dead_letters::repair::Repair;
use crate::dead_letters::repair_many::{Preview, Repaired, preview, repair_many};
use crate::store::dead_letters as store;

/// Most letters that one request repairs: each is tried on its consumer, and the request must end in time.
const MOST_REPAIRED: usize = 200;

/// What a repair came to, or would come to.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(in super::super) enum RepairAnswer {
    Done(Repaired),
    /// With `dry_run`.
    Preview(Preview),
}

/// Repair dead letters
///
/// Changes what they say by one JSON Patch. Each is tried on its consumer before it is stored; what could still not be read is
/// refused. A message keeps its id, so that it is handled once, and what it was is kept. Replay them afterwards.
#[utoipa::path(
    post, path = "/api/v1/dead-letters/repairs", operation_id = "repairDeadLetters", tag = "dead letters",
    request_body = LetterRepair,
    responses((status = 200, description = "What came of it.", body = RepairAnswer))
)]
pub(in super::super) async fn repair(
    State(state): State<ApiState>,
    caller: Caller,
    body: JsonBody,
) -> Result<Json<RepairAnswer>, Problem> {
    let wanted = read::repair(&body)?;
    let ids = few(&state, wanted.letters).await?;
    let repair = Repair::Patch(wanted.patch);
    let done = match wanted.dry_run {
        true => preview(&state.db, &ids, &repair, state.consumers()).await.map(RepairAnswer::Preview),
        false => repair_many(&state.db, &caller.actor, &ids, &repair, &wanted.reason, state.consumers())
            .await
            .map(RepairAnswer::Done),
    };
    done.map(Json).map_err(|error| of_database(&error))
}

/// The letters that are meant, if they are not too many.
async fn few(state: &ApiState, letters: Chosen) -> Result<Vec<Uuid>, Problem> {
    let (ids, pointer) = match letters {
        Chosen::Ids(ids) => (ids, "/letters/ids"),
        Chosen::Matching(_) => {
            let mut connection = state.connection().await?;
            let most = i64::try_from(MOST_REPAIRED).unwrap_or(i64::MAX);
            let found = store::sample(&mut connection, &letters.selection(), most + 1).await;
            (found.map_err(|error| of_database(&error))?, "/letters/filter")
        }
    };
    if ids.len() <= MOST_REPAIRED {
        return Ok(ids);
    }
    let detail = format!(
        "means more than the {MOST_REPAIRED} letters that one request repairs; `dead-letter-handler edit` repairs any number"
    );
    Err(Problem::validation(vec![FieldError { pointer: pointer.to_owned(), detail }]))
}

/// What became of letters that were named.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Outcomes {
    /// In the order of the request.
    dead_letters: Vec<Outcome>,
}

/// Give dead letters up
///
/// They stay in the database, and can be restored, until their retention ends.
#[utoipa::path(
    post, path = "/api/v1/dead-letters/discards", operation_id = "discardDeadLetters", tag = "dead letters",
    request_body = NamedLetters,
    responses((status = 200, description = "What became of each.", body = Outcomes))
)]
pub(in super::super) async fn discard(
    State(state): State<ApiState>,
    caller: Caller,
    body: JsonBody,
) -> Result<Json<Outcomes>, Problem> {
    let (ids, reason) = read::named(&body)?;
    let mut transaction = state.transaction().await?;
    let outcomes = crate::dead_letters::discard(&mut transaction, &caller.by(&reason), &ids).await;
    settled(transaction, outcomes).await
}

/// Take discards back
///
/// The letters wait for an operator again.
#[utoipa::path(
    post, path = "/api/v1/dead-letters/restorations", operation_id = "restoreDeadLetters", tag = "dead letters",
    request_body = NamedLetters,
    responses((status = 200, description = "What became of each.", body = Outcomes))
)]
pub(in super::super) async fn restore(
    State(state): State<ApiState>,
    caller: Caller,
    body: JsonBody,
) -> Result<Json<Outcomes>, Problem> {
    let (ids, reason) = read::named(&body)?;
    let mut transaction = state.transaction().await?;
    let outcomes = crate::dead_letters::restore(&mut transaction, &caller.by(&reason), &ids).await;
    settled(transaction, outcomes).await
}

async fn settled(
    transaction: Transaction<'static, Postgres>,
    outcomes: Result<Vec<Outcome>, sqlx::Error>,
) -> Result<Json<Outcomes>, Problem> {
    let dead_letters = outcomes.map_err(|error| of_database(&error))?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    Ok(Json(Outcomes { dead_letters }))
}

/// How many letters hold nothing of a customer any more.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Erased {
    #[schema(minimum = 0)]
    erased: usize,
}

/// Erase a customer's personal data
///
/// From all dead letters, for admins. That something failed, where, when and why is kept.
#[utoipa::path(
    post, path = "/api/v1/dead-letters/erasures", operation_id = "eraseDeadLettersOfCustomer", tag = "dead letters",
    request_body = Erasure,
    responses((status = 200, description = "How many letters were concerned.", body = Erased))
)]
pub(in super::super) async fn erase(
    State(state): State<ApiState>,
    caller: Caller,
    body: JsonBody,
) -> Result<Json<Erased>, Problem> {
    let (customer, reason) = read::erasure(&body)?;
    let mut transaction = state.transaction().await?;
    let done = erase_customer(&mut transaction, &caller.by(&reason), &customer).await;
    let erased = done.map_err(|error| of_database(&error))?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    Ok(Json(Erased { erased }))
}
