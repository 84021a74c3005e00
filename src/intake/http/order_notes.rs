//! `/api/v1/orders/{id}/notes`: what customers wish and operators remark.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use uuid::Uuid;

use super::cursor;
use super::json_body::JsonBody;
use super::order_changes::short_text;
use super::orders::{ANYONE, read_id, unknown};
use super::parameters::{PAGE, Parameters};
use super::problem::{Problem, of_database};
use super::router::ApiState;
use crate::contract::Fields;
use crate::store::order_notes::{self, NewNote, Note, Visibility};
use crate::store::order_queries;

/// Longest note, in characters.
const MAX_NOTE: usize = 4_000;

/// `POST /api/v1/orders/{id}/notes`
pub(super) async fn add(
    State(state): State<ApiState>,
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
    let visibility = visibility.unwrap_or(Visibility::Internal);
    let mut transaction = state.transaction().await?;
    let new = NewNote { order_id, author: ANYONE, visibility, text: &text };
    let note = order_notes::add(&mut transaction, &new).await.map_err(|error| of_database(&error))?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    Ok((StatusCode::CREATED, Json(note.ok_or_else(unknown)?)).into_response())
}

#[derive(Serialize)]
pub(super) struct NotePage {
    notes: Vec<Note>,
    next_cursor: Option<String>,
}

/// `GET /api/v1/orders/{id}/notes`
pub(super) async fn list(
    State(state): State<ApiState>,
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
    if !order_queries::exists(&mut connection, order_id).await.map_err(|error| of_database(&error))? {
        return Err(unknown());
    }
    let found = order_notes::list(&mut connection, order_id, true, after.unwrap_or(i64::MIN), limit + 1).await;
    let mut notes = found.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut notes, limit, |last| last.id.to_string());
    Ok(Json(NotePage { notes, next_cursor }))
}
