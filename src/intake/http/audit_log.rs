//! `/api/v1/audit`: what operators and admins did. For admins.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::cursor;
use super::parameters::{PAGE, PageParameters, Parameters};
use super::problem::{Problem, of_database};
use super::router::ApiState;
use crate::contract::read_moment;
use crate::store::audit_log::{self, Chain, Entry, Filter};

/// Longest actor, action or target that is looked for.
const MAX_TEXT: usize = 255;

#[derive(Serialize, ToSchema)]
pub(super) struct AuditPage {
    /// The oldest first.
    entries: Vec<Entry>,
    /// Where the next page begins; `null` when these are the last so far.
    next_cursor: Option<String>,
}

/// Read the audit log
///
/// Each action of an operator, an admin or a program with such a role, written in the same commit as the action itself, in the
/// order of the commits. Who has read up to a position has missed nothing before it.
#[utoipa::path(
    get, path = "/api/v1/audit", operation_id = "listAuditEntries", tag = "access",
    params(
        ("actor" = Option<String>, Query, description = "Only what this one did, as in operator:anna.", max_length = 255),
        ("action" = Option<String>, Query, description = "Only this, as in stock.adjust.", max_length = 255),
        ("target" = Option<String>, Query, description = "Only what was done to this, as in product:GADGET-01.", max_length = 255),
        ("since" = Option<String>, Query, format = DateTime, description = "At this time or later."),
        ("until" = Option<String>, Query, format = DateTime, description = "Before this time."),
        PageParameters
    ),
    responses((status = 200, description = "A page of the log.", body = AuditPage))
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    mut parameters: Parameters,
) -> Result<Json<AuditPage>, Problem> {
    let filter = Filter {
        actor: parameters.optional("actor", text),
        action: parameters.optional("action", text),
        target: parameters.optional("target", text),
        since: parameters.optional("since", read_moment),
        until: parameters.optional("until", read_moment),
    };
    let after = parameters.optional("cursor", |text| {
        text.parse::<i64>().map_err(|_| "is not a cursor of this list; take next_cursor from the page before")
    });
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    let found = audit_log::page(&mut connection, &filter, after.unwrap_or(0), limit + 1).await;
    let mut entries = found.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut entries, limit, |last| last.position.to_string());
    Ok(Json(AuditPage { entries, next_cursor }))
}

/// Verify the audit log
///
/// Goes through all of it: whether every entry is as it was written and none is missing. Compare `end` with what was noted at an earlier time
/// or kept elsewhere: somebody who can rewrite the whole table can rewrite its chain, too.
#[utoipa::path(
    get, path = "/api/v1/audit/chain", operation_id = "verifyAuditLog", tag = "access",
    responses((status = 200, description = "Whether the chain holds.", body = Chain))
)]
pub(super) async fn verify(State(state): State<ApiState>) -> Result<Json<Chain>, Problem> {
    let mut connection = state.connection().await?;
    audit_log::verify(&mut connection).await.map(Json).map_err(|error| of_database(&error))
}

fn text(text: &str) -> Result<String, String> {
    match text.chars().count() {
        ..=MAX_TEXT if !text.contains('\0') => Ok(text.to_owned()),
        _ => Err(format!("must have at most {MAX_TEXT} characters, and no U+0000")),
    }
}
