//! A stream as Server-Sent Events (WHATWG HTML, 9.2).

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};

use crate::contract::tracking::LiveEvent;
use crate::tracking::Watch;

/// nginx and others would collect the answer before they pass it on.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Milliseconds after which a client whose stream has ended comes back, and up to so many more: when a process ends, not all of its
/// clients come at the same moment.
const RETRY: (u64, u64) = (1_000, 2_000);

/// The event with its whole document.
pub(in crate::intake::http) fn document(event: &LiveEvent) -> Option<Event> {
    Event::default().json_data(event).ok()
}

/// The stream; `write` gives an event its data, or nothing to leave it out. Unless the client wants to follow, it ends with the first
/// heartbeat: then everything is told.
pub(in crate::intake::http) fn answer(
    watch: Watch,
    follow: bool,
    write: impl Fn(&LiveEvent) -> Option<Event> + Send + 'static,
) -> Response {
    let mut response = Sse::new(events(watch, follow, write)).into_response();
    let (name, value) = UNBUFFERED;
    response.headers_mut().insert(name, value);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn events(
    watch: Watch,
    follow: bool,
    write: impl Fn(&LiveEvent) -> Option<Event> + Send + 'static,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let retry = Duration::from_millis(RETRY.0 + fastrand::u64(0..RETRY.1));
    let beginning = stream::iter([Ok(Event::default().retry(retry))]);
    // however it ends, the client comes back with the last id
    let following = stream::unfold(Some(watch), move |watch| async move {
        let mut watch = watch?;
        let event = watch.next().await.ok()?;
        let goes_on = follow || !matches!(event, LiveEvent::Heartbeat { .. });
        Some((event, goes_on.then_some(watch)))
    });
    let following = following.filter_map(move |event| {
        let written = write(&event).map(|written| Ok(written.event(event.name()).id(event.position().to_string())));
        std::future::ready(written)
    });
    beginning.chain(following)
}
