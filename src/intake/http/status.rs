//! `/api/v1/status`: the live state of the fleet, the operator's first look.

use axum::Json;
use axum::extract::State;

use super::parameters::Parameters;
use super::problem::Problem;
use super::problem::ProblemKind::Validation;
use super::router::ApiState;
use crate::contract::status::Status;

/// Show the live state of the fleet
///
/// 200 also when something is wrong, or cannot be had: the body says so.
#[utoipa::path(
    get, path = "/api/v1/status", operation_id = "getStatus", tag = "operations",
    responses((status = 200, description = "How the fleet is doing.", body = Status)),
    extensions(("x-problems" = json!([Validation])))
)]
pub(super) async fn show(State(state): State<ApiState>, parameters: Parameters) -> Result<Json<Status>, Problem> {
    parameters.finish()?;
    Ok(Json(state.status.read().await))
}
