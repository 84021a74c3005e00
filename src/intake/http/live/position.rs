//! Where a stream resumes: `Last-Event-ID`, as browsers send it by themselves, or the query parameter `after`; and whether it goes on
//! once everything is told.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use utoipa::IntoParams;

use crate::contract::FieldError;
use crate::intake::http::parameters::Parameters;
use crate::intake::http::problem::Problem;

/// How it looks in the descriptions of all streams.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "for the document; what is sent is read below")]
pub(in crate::intake::http) struct Resumption {
    /// The id of the last event that the client has. Without it the stream of an order begins with the order, that of a customer now.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// `false` ends the stream as soon as everything has been told that has happened so far.
    #[param(default = true, example = false)]
    follow: Option<bool>,
}

/// The same, as browsers send it by themselves.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "for the document; what is sent is read below")]
pub(in crate::intake::http) struct LastEventId {
    /// As `after`, and wins over it.
    #[param(rename = "Last-Event-ID", minimum = 0)]
    last_event_id: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::intake::http) struct Position {
    /// The position after which the stream goes on; none for its beginning. The header wins: it is newer than the address.
    pub after: Option<i64>,
    /// Whether the stream lasts beyond what has happened so far.
    pub follow: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Position {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let mut parameters = Parameters::from_request_parts(parts, state).await?;
        let after = parameters.optional("after", read);
        let follow = parameters.optional("follow", |text| text.parse().map_err(|_| "must be true or false"));
        parameters.finish()?;
        let position = Self { after, follow: follow.unwrap_or(true) };
        let Some(last) = parts.headers.get("last-event-id") else {
            return Ok(position);
        };
        let last = last.to_str().map_err(|_| RULE).and_then(read).map_err(|rule| {
            Problem::validation(vec![FieldError {
                pointer: "/Last-Event-ID".to_owned(),
                detail: format!("header: {rule}"),
            }])
        })?;
        Ok(Self { after: Some(last), ..position })
    }
}

const RULE: &str = "must be the id of an event of this stream, or 0 for its beginning";

fn read(text: &str) -> Result<i64, &'static str> {
    text.parse().ok().filter(|position| *position >= 0).ok_or(RULE)
}
