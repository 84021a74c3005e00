//! `/api/v1/webhooks`: the endpoints at which partners are told of events. What was sent to them is in `log`.

pub(super) mod log;
mod read;

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use sqlx::{Postgres, Transaction};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::{Caller, Change};
use super::cursor;
use super::json_body::JsonBody;
use super::parameters::{PAGE, PageParameters, Parameters};
use super::problem::ProblemKind::NotFound;
use super::problem::{Problem, ProblemKind, of_database};
use super::router::ApiState;
use crate::contract::requests;
use crate::contract::signature::Secret;
use crate::domain::webhook::EndpointState;
use crate::ports::webhooks::{AddressRules, Vault};
use crate::store::webhooks::{self, Endpoint, NewEndpoint};

/// What the API needs to register endpoints: which addresses are allowed, and how secrets are kept.
#[derive(Clone, Default)]
pub struct Registration {
    pub rules: AddressRules,
    pub vault: Arc<Vault>,
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registration").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Registration {
    /// A new secret, to be shown and to be stored.
    fn new_secret(&self, endpoint: Uuid) -> Result<(String, Vec<u8>), Problem> {
        let broken = |error: &(dyn std::error::Error + 'static)| {
            tracing::error!(error, "no secret can be made");
            Problem::new(ProblemKind::Internal, "no secret could be made")
        };
        let secret = Secret::generate().map_err(|error| broken(&error))?;
        let sealed = self.vault.seal(endpoint, &secret).map_err(|error| broken(&error))?;
        Ok((secret.reveal(), sealed))
    }
}

/// An endpoint, and its new secret, which is shown only this once.
#[derive(Serialize, ToSchema)]
pub(super) struct EndpointWithSecret {
    #[serde(flatten)]
    endpoint: Endpoint,
    /// Verifies the signatures (Standard Webhooks). It cannot be shown again.
    #[schema(examples("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))]
    secret: String,
}

/// Register an endpoint
///
/// It is enabled, and told of every event that it wants from the next second on.
#[utoipa::path(
    post, path = "/api/v1/webhooks", operation_id = "createWebhook", tag = "webhooks",
    request_body = requests::NewWebhook,
    responses((
        status = 201, description = "Registered and enabled, with its secret.", body = EndpointWithSecret,
        headers(("Location" = String, description = "Where the endpoint is shown."))
    ))
)]
pub(super) async fn create(State(state): State<ApiState>, caller: Caller, body: JsonBody) -> Result<Response, Problem> {
    let read::Wanted { url, description, interest } = read::new(&body, state.webhooks.rules)?;
    let id = Uuid::now_v7();
    let (secret, sealed) = state.webhooks.new_secret(id)?;
    let new = NewEndpoint { id, url: url.as_str().to_owned(), description, interest, secret: sealed };
    let mut transaction = state.transaction().await?;
    let endpoint = webhooks::create(&mut transaction, &new).await.map_err(|error| of_database(&error))?;
    did(&caller, transaction, "webhook.create", None, &endpoint).await?;
    tracing::info!(endpoint_id = %id, %url, "endpoint registered");
    let location = format!("/api/v1/webhooks/{id}");
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(EndpointWithSecret { endpoint, secret }))
        .into_response())
}

#[derive(Serialize, ToSchema)]
pub(super) struct EndpointPage {
    /// The oldest first.
    webhooks: Vec<Endpoint>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// List endpoints
///
/// The oldest first, each with how it goes.
#[utoipa::path(
    get, path = "/api/v1/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    params(PageParameters),
    responses((status = 200, description = "A page of endpoints.", body = EndpointPage))
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    mut parameters: Parameters,
) -> Result<Json<EndpointPage>, Problem> {
    let after = parameters.optional("cursor", |text| Uuid::parse_str(text).map_err(|_| cursor::ForeignCursor));
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    let page = webhooks::page(&mut connection, after.unwrap_or_default(), limit + 1).await;
    let mut webhooks = page.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut webhooks, limit, |last| last.id.to_string());
    Ok(Json(EndpointPage { webhooks, next_cursor }))
}

/// Show an endpoint and how it goes
///
/// Without its secret, which is shown only when it is made.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}", operation_id = "getWebhook", tag = "webhooks",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    responses((status = 200, description = "The endpoint.", body = Endpoint)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn show(State(state): State<ApiState>, id: IdInPath) -> Result<Json<Endpoint>, Problem> {
    let id = of_path(id)?;
    let mut connection = state.connection().await?;
    found(webhooks::find(&mut connection, id).await)
}

/// Change an endpoint
///
/// What is absent stays. What is already on its way goes to the new address.
#[utoipa::path(
    patch, path = "/api/v1/webhooks/{id}", operation_id = "changeWebhook", tag = "webhooks",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    request_body = requests::WebhookChange,
    responses((status = 200, description = "The endpoint as it is now.", body = Endpoint)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    id: IdInPath,
    body: JsonBody,
) -> Result<Json<Endpoint>, Problem> {
    let id = of_path(id)?;
    let change = read::change(&body, state.webhooks.rules)?;
    let mut transaction = state.transaction().await?;
    let before = locked(&mut transaction, id).await?;
    let Json(endpoint) = found(webhooks::change(&mut transaction, id, &change).await)?;
    did(&caller, transaction, "webhook.change", Some(&before), &endpoint).await?;
    tracing::info!(endpoint_id = %id, "endpoint changed");
    Ok(Json(endpoint))
}

/// Delete an endpoint
///
/// What is on its way to it is not sent any more; its log cannot be read any more.
#[utoipa::path(
    delete, path = "/api/v1/webhooks/{id}", operation_id = "deleteWebhook", tag = "webhooks",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    responses((status = 204, description = "Deleted.")),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn delete(State(state): State<ApiState>, caller: Caller, id: IdInPath) -> Result<StatusCode, Problem> {
    let id = of_path(id)?;
    let mut transaction = state.transaction().await?;
    let before = json!(locked(&mut transaction, id).await?);
    webhooks::delete(&mut transaction, id).await.map_err(|error| of_database(&error))?;
    let change = Change { before: Some(&before), ..Change::default() };
    caller.did(&mut transaction, "webhook.delete", &target(id), change).await?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    tracing::info!(endpoint_id = %id, "endpoint deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Pause an endpoint
///
/// It is told of nothing until it is enabled; what it missed can be sent then.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/pause", operation_id = "pauseWebhook", tag = "webhooks",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    responses((status = 200, description = "The endpoint, paused.", body = Endpoint)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn pause(
    State(state): State<ApiState>,
    caller: Caller,
    id: IdInPath,
) -> Result<Json<Endpoint>, Problem> {
    set_state(&state, &caller, id, EndpointState::Paused, "webhook.pause").await
}

/// Enable an endpoint
///
/// It starts afresh, whatever went wrong before. What it missed is not sent by itself: resend it.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/enable", operation_id = "enableWebhook", tag = "webhooks",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    responses((status = 200, description = "The endpoint, enabled.", body = Endpoint)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn enable(
    State(state): State<ApiState>,
    caller: Caller,
    id: IdInPath,
) -> Result<Json<Endpoint>, Problem> {
    set_state(&state, &caller, id, EndpointState::Enabled, "webhook.enable").await
}

async fn set_state(
    state: &ApiState,
    caller: &Caller,
    id: IdInPath,
    wanted: EndpointState,
    action: &str,
) -> Result<Json<Endpoint>, Problem> {
    let id = of_path(id)?;
    let mut transaction = state.transaction().await?;
    let before = locked(&mut transaction, id).await?;
    let Json(endpoint) = found(webhooks::set_state(&mut transaction, id, wanted).await)?;
    did(caller, transaction, action, Some(&before), &endpoint).await?;
    tracing::info!(endpoint_id = %id, state = %wanted, "endpoint set");
    Ok(Json(endpoint))
}

/// Give an endpoint a new secret
///
/// For a while both secrets sign, so that the partner can change over without losing anything.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/rotate", operation_id = "rotateWebhookSecret", tag = "webhooks",
    params(("id" = Uuid, Path, example = "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90")),
    request_body = requests::Rotation,
    responses((status = 200, description = "The endpoint with its new secret.", body = EndpointWithSecret)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn rotate(
    State(state): State<ApiState>,
    caller: Caller,
    id: IdInPath,
    body: JsonBody,
) -> Result<Json<EndpointWithSecret>, Problem> {
    let id = of_path(id)?;
    let overlap = read::overlap(&body)?;
    let (secret, sealed) = state.webhooks.new_secret(id)?;
    let mut transaction = state.transaction().await?;
    let Json(endpoint) = found(webhooks::rotate(&mut transaction, id, &sealed, overlap).await)?;
    did(&caller, transaction, "webhook.rotate", None, &endpoint).await?;
    tracing::info!(endpoint_id = %id, overlap_seconds = overlap, "endpoint has a new secret");
    Ok(Json(EndpointWithSecret { endpoint, secret }))
}

/// Writes the action into the audit log and commits both.
async fn did(
    caller: &Caller,
    mut transaction: Transaction<'static, Postgres>,
    action: &str,
    before: Option<&Endpoint>,
    after: &Endpoint,
) -> Result<(), Problem> {
    let (before, target, after) = (before.map(|endpoint| json!(endpoint)), target(after.id), json!(after));
    let change = Change { before: before.as_ref(), after: Some(&after), reason: None };
    caller.did(&mut transaction, action, &target, change).await?;
    transaction.commit().await.map_err(|error| of_database(&error))
}

/// What the audit log calls an endpoint.
fn target(id: Uuid) -> String {
    format!("webhook:{id}")
}

/// The endpoint as it stands, for whoever changes it next.
async fn locked(transaction: &mut Transaction<'static, Postgres>, id: Uuid) -> Result<Endpoint, Problem> {
    webhooks::lock(transaction, id).await.map_err(|error| of_database(&error))?.ok_or_else(unknown)
}

/// An id in the path; anything that is none is no endpoint's.
type IdInPath = Result<Path<Uuid>, PathRejection>;

fn of_path(id: IdInPath) -> Result<Uuid, Problem> {
    id.map(|Path(id)| id).map_err(|_| unknown())
}

fn found(endpoint: Result<Option<Endpoint>, sqlx::Error>) -> Result<Json<Endpoint>, Problem> {
    endpoint.map_err(|error| of_database(&error))?.map(Json).ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::new(ProblemKind::NotFound, "no endpoint has this id")
}
