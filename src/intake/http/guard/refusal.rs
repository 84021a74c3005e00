//! What the guard answers when it lets nobody through, with the headers that tell a client what to do about it.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};

use crate::access::Role;
use crate::intake::http::permissions::Rule;
use crate::intake::http::problem::{Problem, ProblemKind};
use crate::intake::http::rate_limit::whole_seconds;

/// RFC 6750, 3.
const CHALLENGE: &str = "Bearer realm=\"order-fleet\"";

#[derive(Debug)]
pub(in crate::intake::http) struct Refusal {
    problem: Problem,
    header: Option<(HeaderName, String)>,
}

impl Refusal {
    /// Nothing was presented.
    pub(super) fn missing() -> Self {
        let detail = "present a token or an API key: Authorization: Bearer …, or X-API-Key: …";
        Self::new(ProblemKind::Unauthenticated, detail).with(header::WWW_AUTHENTICATE, CHALLENGE.to_owned())
    }

    /// What was presented proves nothing. `why` has no quotes.
    pub(super) fn invalid(why: &str) -> Self {
        let challenge = format!("{CHALLENGE}, error=\"invalid_token\", error_description=\"{why}\"");
        Self::new(ProblemKind::Unauthenticated, why).with(header::WWW_AUTHENTICATE, challenge)
    }

    pub(super) fn forbidden(least: Role) -> Self {
        let challenge = format!("{CHALLENGE}, error=\"insufficient_scope\", scope=\"{least}\"");
        let detail = format!("this needs the role {least}");
        Self::new(ProblemKind::Forbidden, detail).with(header::WWW_AUTHENTICATE, challenge)
    }

    pub(in crate::intake::http) fn limited(whose: &str, retry_in: Duration) -> Self {
        let seconds = whole_seconds(retry_in).max(1);
        let detail = format!("too many requests from this {whose}; one is possible again in {seconds} s");
        Self::new(ProblemKind::RateLimited, detail).with(header::RETRY_AFTER, seconds.to_string())
    }

    /// Another method than those that are there.
    pub(super) fn method(rules: &[&Rule]) -> Self {
        let mut allowed: Vec<&str> = rules.iter().map(|rule| rule.method.as_str()).collect();
        if allowed.contains(&Method::GET.as_str()) {
            allowed.push(Method::HEAD.as_str());
        }
        let detail = "the path exists, but not for this method; see the header Allow";
        Self::new(ProblemKind::MethodNotAllowed, detail).with(header::ALLOW, allowed.join(","))
    }

    fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { problem: Problem::new(kind, detail), header: None }
    }

    fn with(self, name: HeaderName, value: String) -> Self {
        Self { header: Some((name, value)), ..self }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, header: None }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        if let Some((name, value)) = self.header {
            // texts of ours, all of them visible ASCII
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
