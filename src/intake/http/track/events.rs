//! `/track/{token}/events`: the page's stream. It tells what the page shows, in the page's words, and nothing else.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::response::sse::Event;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::page::EXAMPLE;
use super::words::{Line, Stage};
use crate::contract::tracking::LiveEvent;
use crate::intake::http::live::{LastEventId, Position, Resumption, sse, watch};
use crate::intake::http::problem::ProblemKind::NotFound;
use crate::intake::http::problem::{Problem, of_database};
use crate::intake::http::router::ApiState;
use crate::tracking::Subject;

/// A line of the history, and where the order stands after it.
#[derive(Serialize, ToSchema)]
#[schema(as = TrackedChange)]
struct Told {
    #[serde(flatten)]
    line: Line,
    stage: Stage,
}

/// What the page is told.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = TrackedEvent)]
enum PageEvent {
    Transition(Told),
    /// The stream lives. The first one says that everything up to now has been sent.
    Heartbeat {
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
        /// Where to resume.
        #[schema(minimum = 0)]
        after: i64,
    },
}

/// Follow an order as its customer
///
/// The stream of the customer's page, in its words: Server-Sent Events whose data is a line of the history and where the order stands
/// after it, and heartbeats.
#[utoipa::path(
    get, path = "/track/{token}/events", operation_id = "followTrackedOrder", tag = "tracking",
    params(("token" = String, Path, description = "The end of the link.", example = json!(EXAMPLE)), Resumption, LastEventId),
    responses((status = 200, description = "The stream.", body = PageEvent, content_type = "text/event-stream")),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(in crate::intake::http) async fn events(
    State(state): State<ApiState>,
    token: Result<Path<String>, PathRejection>,
    position: Position,
) -> Result<Response, Problem> {
    let unknown = || Problem::new(NotFound, "this link leads to no order");
    let Path(token) = token.map_err(|_| unknown())?;
    let order = state.links.order(&token).await.map_err(|error| of_database(&error))?.ok_or_else(unknown)?;
    Ok(sse::answer(watch(&state, Subject::Order(order), position)?, position.follow, written))
}

fn written(event: &LiveEvent) -> Option<Event> {
    let event = match event {
        LiveEvent::Heartbeat { at, after } => PageEvent::Heartbeat { at: *at, after: *after },
        LiveEvent::Transition(transition) => {
            PageEvent::Transition(Told { line: Line::of(transition), stage: Stage::of(transition) })
        }
    };
    Event::default().json_data(event).ok()
}
