//! Where a stream resumes: `Last-Event-ID`, as browsers send it by themselves, or the query parameter `after`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::contract::FieldError;
use crate::intake::http::parameters::Parameters;
use crate::intake::http::problem::Problem;

/// The position after which the stream goes on; none for its beginning. The header wins: it is newer than the address.
#[derive(Clone, Copy, Debug)]
pub(in crate::intake::http) struct Position(pub Option<i64>);

impl<S: Send + Sync> FromRequestParts<S> for Position {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let mut parameters = Parameters::from_request_parts(parts, state).await?;
        let after = parameters.optional("after", read);
        parameters.finish()?;
        let Some(last) = parts.headers.get("last-event-id").filter(|value| !value.is_empty()) else {
            return Ok(Self(after));
        };
        let last = last.to_str().map_err(|_| RULE).and_then(read).map_err(|rule| {
            Problem::validation(vec![FieldError {
                pointer: "/Last-Event-ID".to_owned(),
                detail: format!("header: {rule}"),
            }])
        })?;
        Ok(Self(Some(last)))
    }
}

const RULE: &str = "must be the id of an event of this stream, or 0 for its beginning";

fn read(text: &str) -> Result<i64, &'static str> {
    text.parse().ok().filter(|position| *position >= 0).ok_or(RULE)
}
