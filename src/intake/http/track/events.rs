//! `/track/{token}/events`: the page's stream. It tells what the page shows, in the page's words, and nothing else.

use axum::extract::{Path, State};
use axum::response::Response;
use axum::response::sse::Event;
use serde::Serialize;

use super::words::{Line, Stage};
use crate::contract::tracking::LiveEvent;
use crate::intake::http::live::{Position, sse, watch};
use crate::intake::http::problem::{Problem, ProblemKind, of_database};
use crate::intake::http::router::ApiState;
use crate::tracking::Subject;

#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    line: Line,
    stage: Stage,
}

/// `GET /track/{token}/events`
pub(super) async fn events(
    State(state): State<ApiState>,
    Path(token): Path<String>,
    Position(after): Position,
) -> Result<Response, Problem> {
    let order = state.links.order(&token).await.map_err(|error| of_database(&error))?;
    let order = order.ok_or_else(|| Problem::new(ProblemKind::NotFound, "this link leads to no order"))?;
    Ok(sse::answer(watch(&state, Subject::Order(order), after)?, written))
}

fn written(event: &LiveEvent) -> Option<Event> {
    match event {
        LiveEvent::Heartbeat { .. } => sse::document(event),
        LiveEvent::Transition(transition) => {
            Event::default().json_data(Told { line: Line::of(transition), stage: Stage::of(transition) }).ok()
        }
    }
}
