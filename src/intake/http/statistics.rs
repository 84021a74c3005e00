//! `/api/v1/statistics`: the figures that the analytics-service keeps.

use std::ops::RangeInclusive;

use axum::Json;
use axum::extract::State;

use super::parameters::Parameters;
use super::problem::{Problem, of_database};
use super::router::ApiState;
use crate::store::statistics_queries::{self, Statistics};

/// The last hour by default, a day at most: one row per minute.
const MINUTES: (i32, RangeInclusive<i32>) = (60, 0..=1440);
/// The last month by default, a year at most.
const DAYS: (i32, RangeInclusive<i32>) = (30, 0..=366);

/// Show the figures of all orders
///
/// Totals over everything, and one row for each of the last minutes and days that saw an event.
#[utoipa::path(
    get, path = "/api/v1/statistics", operation_id = "getStatistics", tag = "operations",
    params(
        ("minutes" = Option<i32>, Query, description = "So many minutes back, one row each.", minimum = 0, maximum = 1440),
        ("days" = Option<i32>, Query, description = "So many days back, one row each.", minimum = 0, maximum = 366)
    ),
    responses((status = 200, description = "The figures.", body = Statistics))
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    mut parameters: Parameters,
) -> Result<Json<Statistics>, Problem> {
    let minutes = parameters.whole("minutes", MINUTES);
    let days = parameters.whole("days", DAYS);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    statistics_queries::read(&mut connection, minutes, days).await.map(Json).map_err(|error| of_database(&error))
}
