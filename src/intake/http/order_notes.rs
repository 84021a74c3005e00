//! `/api/v1/orders/{id}/notes`: what customers wish and operators remark.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::cursor;
use super::json_body::JsonBody;
use super::order_changes::short_text;
use super::orders::{reach, read_id};
use super::parameters::{PAGE, PageParameters, Parameters};
use super::problem::ProblemKind::NotFound;
use super::problem::{Problem, of_database};
use super::router::ApiState;
use crate::access::Actor;
use crate::contract::requests::NewNote as NoteForm;
use crate::contract::{FieldError, Fields};
use crate::domain::OrderId;
use crate::store::order_notes::{self, NewNote, Note, Visibility};

/// Longest note, in characters.
const MAX_NOTE: usize = 4_000;

/// Write a note on an order
///
/// What a customer writes is public; an operator may keep a note among colleagues.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/notes", operation_id = "addNote", tag = "orders",
    params(("id" = OrderId, Path)),
    request_body = NoteForm,
    responses((status = 201, description = "The note.", body = Note)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn add(
    State(state): State<ApiState>,
    actor: Actor,
    id: Result<Path<Uuid>, PathRejection>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let order_id = read_id(id)?;
    let mut fields = Fields::new(&body.object, "");
    let text = fields.text("text", |text| short_text(text, MAX_NOTE));
    let visibility =
        fields.optional_text("visibility", |text| Visibility::parse(text).ok_or("must be internal or public"));
    let unknown_fields = fields.unknown();
    let (Some(text), true) = (text, fields.errors.is_empty() && unknown_fields.is_empty()) else {
        let mut errors = fields.errors;
        errors.extend(unknown_fields);
        return Err(Problem::validation(errors));
    };
    let is_customer = actor.only_customer().is_some();
    if is_customer && visibility == Some(Visibility::Internal) {
        let detail = "must be public: a customer's note is theirs to read".to_owned();
        return Err(Problem::validation(vec![FieldError { pointer: "/visibility".to_owned(), detail }]));
    }
    let visibility = visibility.unwrap_or(if is_customer { Visibility::Public } else { Visibility::Internal });
    let mut transaction = state.transaction().await?;
    reach(&mut transaction, &actor, order_id).await?;
    let new = NewNote { order_id, author: &actor.to_string(), visibility, text: &text };
    let note = order_notes::add(&mut transaction, &new).await.map_err(|error| of_database(&error))?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    Ok((StatusCode::CREATED, Json(note)).into_response())
}

#[derive(Serialize, ToSchema)]
pub(super) struct NotePage {
    /// The oldest first.
    notes: Vec<Note>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// List the notes on an order
///
/// The oldest first. Customers see the public ones.
#[utoipa::path(
    get, path = "/api/v1/orders/{id}/notes", operation_id = "listNotes", tag = "orders",
    params(("id" = OrderId, Path), PageParameters),
    responses((status = 200, description = "A page of notes.", body = NotePage)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    actor: Actor,
    id: Result<Path<Uuid>, PathRejection>,
    mut parameters: Parameters,
) -> Result<Json<NotePage>, Problem> {
    let order_id = read_id(id)?;
    let after = parameters.optional("cursor", |text| {
        text.parse::<i64>().map_err(|_| "is not a cursor of this list; take next_cursor from the page before")
    });
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    reach(&mut connection, &actor, order_id).await?;
    let found = order_notes::list(
        &mut connection,
        order_id,
        actor.only_customer().is_none(),
        after.unwrap_or(i64::MIN),
        limit + 1,
    )
    .await;
    let mut notes = found.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut notes, limit, |last| last.id.to_string());
    Ok(Json(NotePage { notes, next_cursor }))
}
