//! `/api/v1/status`: the live state of the fleet, the operator's first look.

use axum::Json;
use axum::extract::State;

use super::parameters::Parameters;
use super::problem::Problem;
use super::router::ApiState;
use crate::contract::status::Status;

/// `GET /api/v1/status`: 200 also when something is wrong, or cannot be had; the body says so.
pub(super) async fn show(State(state): State<ApiState>, parameters: Parameters) -> Result<Json<Status>, Problem> {
    parameters.finish()?;
    Ok(Json(state.status.read().await))
}
