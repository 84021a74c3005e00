//! `/api/v1/api-keys`: the keys of programs. For admins.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use super::cursor;
use super::json_body::JsonBody;
use super::parameters::{PAGE, PageParameters, Parameters};
use super::problem::ProblemKind::{NotFound, Validation};
use super::problem::{Problem, ProblemKind, of_database};
use super::router::ApiState;
use crate::access::{ApiKey, Role, Trust};
use crate::contract::{Fields, read_moment};
use crate::domain::CustomerId;
use crate::ops::api_keys::{self, KeyError};
use crate::store::api_keys::{KeyRecord, NewKey, page};

/// Longest reason of a revocation, in characters.
const MAX_REASON: usize = 255;

/// What a new key is for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"name": "shop-1", "role": "operator"})))]
#[expect(dead_code, reason = "describes; the body is read by Fields, which reports every fault at once")]
pub(super) struct NewApiKey {
    /// Of the program. Two keys may have one name, while the program changes from one to the other.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]+$", example = "shop-1")]
    name: String,
    role: Role,
    /// Whose things the key reaches: needed for the role customer, for no other.
    customer_id: Option<CustomerId>,
    /// In the future; absent means never.
    #[schema(value_type = Option<String>, format = DateTime, example = "2100-01-01T00:00:00Z")]
    expires_at: Option<OffsetDateTime>,
}

/// A key and what is known of it.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedApiKey {
    /// The key itself: shown now and never again.
    #[schema(example = "fleet_1a2b3c4d_…")]
    key: String,
    #[serde(flatten)]
    record: KeyRecord,
}

/// Make an API key
///
/// The key is in this answer and nowhere else: stored is its hash. A program presents it as `Authorization: Bearer` or in `X-API-Key`.
#[utoipa::path(
    post, path = "/api/v1/api-keys", operation_id = "createApiKey", tag = "access",
    request_body = NewApiKey,
    responses((
        status = 201, description = "The key. It is shown this once.", body = CreatedApiKey,
        headers(("Location" = String, description = "Where it is revoked."))
    ))
)]
pub(super) async fn create(State(state): State<ApiState>, caller: Caller, body: JsonBody) -> Result<Response, Problem> {
    let new = read_key(&body)?;
    let mut connection = state.connection().await?;
    let created = api_keys::create(&mut connection, &caller.actor, &new, Some(&caller.correlation_id)).await;
    let (key, record) = created.map_err(|error| match error {
        KeyError::Random(_) => Problem::new(ProblemKind::Internal, error.to_string()),
        KeyError::Database(error) => of_database(&error),
    })?;
    tracing::info!(prefix = record.prefix, name = record.name, role = %record.role, "API key made");
    let location = format!("/api/v1/api-keys/{}", record.id);
    let created = CreatedApiKey { key: key.reveal().to_owned(), record };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(created)).into_response())
}

fn read_key(body: &JsonBody) -> Result<NewKey, Problem> {
    let mut fields = Fields::new(&body.object, "");
    let name = fields.text("name", ApiKey::read_name);
    let role = fields.text("role", str::parse::<Role>);
    let customer_id = fields.optional_text("customer_id", |text| CustomerId::parse(text));
    let expires_at = fields.optional_text("expires_at", |text| {
        let at = read_moment(text)?;
        if at > OffsetDateTime::now_utc() { Ok(at) } else { Err("must be in the future") }
    });
    let faultless = fields.errors.is_empty();
    let trust = role.and_then(|role| Trust::of(role, customer_id));
    if faultless && trust.is_none() {
        fields.fault("customer_id", "is required for the role customer, and must be absent for any other");
    }
    let errors = fields.faults();
    match (name, trust) {
        (Some(name), Some(trust)) if errors.is_empty() => Ok(NewKey { name, trust, expires_at }),
        _ => Err(Problem::validation(errors)),
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct ApiKeyPage {
    /// The newest first; expired and revoked ones, too.
    api_keys: Vec<KeyRecord>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// List API keys
///
/// With what is known of each, and without the keys themselves.
#[utoipa::path(
    get, path = "/api/v1/api-keys", operation_id = "listApiKeys", tag = "access",
    params(PageParameters),
    responses((status = 200, description = "A page of keys, without the keys themselves.", body = ApiKeyPage))
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    mut parameters: Parameters,
) -> Result<Json<ApiKeyPage>, Problem> {
    let before = parameters.optional("cursor", |text| {
        Uuid::parse_str(text).map_err(|_| "is not a cursor of this list; take next_cursor from the page before")
    });
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    let found = page(&mut connection, before.unwrap_or(Uuid::max()), limit + 1).await;
    let mut api_keys = found.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut api_keys, limit, |last| last.id.to_string());
    Ok(Json(ApiKeyPage { api_keys, next_cursor }))
}

/// Revoke an API key
///
/// One that is in use just now is refused after ten seconds at the latest. To revoke a key again changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/api-keys/{id}", operation_id = "revokeApiKey", tag = "access",
    params(
        ("id" = Uuid, Path, example = json!("0199c1d2-7a40-7c1e-9d43-0c2f5a1be001")),
        ("reason" = Option<String>, Query, description = "For the audit log.", max_length = 255)
    ),
    responses((status = 200, description = "The key, revoked.", body = KeyRecord)),
    extensions(("x-problems" = json!([NotFound, Validation])))
)]
pub(super) async fn revoke(
    State(state): State<ApiState>,
    caller: Caller,
    id: Result<Path<Uuid>, PathRejection>,
    mut parameters: Parameters,
) -> Result<Json<KeyRecord>, Problem> {
    let unknown = || Problem::new(ProblemKind::NotFound, "no API key has this id");
    let reason = parameters.optional("reason", |text| match text.chars().count() {
        1..=MAX_REASON if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => Err(format!("must have at most {MAX_REASON} characters, and no control characters")),
    });
    parameters.finish()?;
    let Path(id) = id.map_err(|_| unknown())?;
    let mut connection = state.connection().await?;
    let revoked =
        api_keys::revoke(&mut connection, &caller.actor, id, reason.as_deref(), Some(&caller.correlation_id)).await;
    let record = revoked.map_err(|error| of_database(&error))?.ok_or_else(unknown)?;
    tracing::info!(prefix = record.prefix, name = record.name, "API key revoked");
    Ok(Json(record))
}
