//! Answers that are no success: problem details (RFC 9457), one kind per slug. Every handler and layer returns these, so that no
//! client ever has to read an error in another form.

mod kind;

use std::any::Any;

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

pub use self::kind::ProblemKind;
use crate::contract::FieldError;
use crate::contract::order::Unreadable;
use crate::store::is_outage;

#[derive(Clone, Debug)]
pub struct Problem {
    pub kind: ProblemKind,
    /// For people: what exactly, and what to do about it.
    pub detail: String,
    /// Every value at fault.
    pub errors: Vec<FieldError>,
    /// Further members for programs (RFC 9457, 3.2), by the kind of problem.
    pub members: Map<String, Value>,
}

impl Problem {
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), members: Map::new() }
    }

    pub fn validation(errors: Vec<FieldError>) -> Self {
        let detail = match errors.len() {
            1 => "one value is at fault".to_owned(),
            count => format!("{count} values are at fault"),
        };
        Self { errors, ..Self::new(ProblemKind::Validation, detail) }
    }

    /// With a member of its own.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The JSON of the answer, without the path it happened on.
    pub fn to_json(&self) -> Value {
        json!(self.details(None))
    }

    fn details<'a>(&'a self, instance: Option<&'a str>) -> ProblemDetails<'a> {
        ProblemDetails {
            instance,
            errors: &self.errors,
            members: self.members.clone(),
            ..ProblemDetails::of(self.kind, &self.detail)
        }
    }

    fn render(&self, instance: Option<&str>) -> Response {
        let mut response = (self.kind.status(), Json(self.details(instance))).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.kind.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        response
    }
}

/// Why a request did not succeed (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDetails<'a> {
    /// Which kind of problem: the address of a page that says what it means and what to do.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", example = "/problems/validation")]
    kind: String,
    /// The kind in words, the same for each of its problems.
    title: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What exactly is wrong this time.
    detail: &'a str,
    /// The path on which it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri-reference")]
    instance: Option<&'a str>,
    /// Every value at fault.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    /// What this kind of problem tells programs besides.
    #[serde(flatten)]
    #[schema(ignore)]
    members: Map<String, Value>,
}

impl<'a> ProblemDetails<'a> {
    pub(super) fn of(kind: ProblemKind, detail: &'a str) -> Self {
        Self {
            kind: kind.uri(),
            title: kind.title(),
            status: kind.status().as_u16(),
            detail,
            instance: None,
            errors: &[],
            members: Map::new(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.render(None);
        response.extensions_mut().insert(self);
        response
    }
}

/// Layer: adds to each problem the path it happened on, which its author does not know.
pub(super) async fn name_instance(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let (mut parts, _) = response.into_parts();
        // of another length than the body to come
        parts.headers.remove(header::CONTENT_LENGTH);
        response = Response::from_parts(parts, problem.render(Some(&path)).into_body());
    }
    response
}

/// The answer when a handler panicked; the panic itself is logged by the hook.
pub(super) fn of_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    Problem::new(ProblemKind::Internal, "the request was not finished").into_response()
}

/// What a failed query means to a client. Logs it: no other place sees it.
pub(super) fn of_database(error: &sqlx::Error) -> Problem {
    let cause = error as &dyn std::error::Error;
    if is_outage(error) {
        tracing::warn!(error = cause, "the database is away");
        Problem::new(ProblemKind::Overloaded, "the database is not available at the moment")
    } else {
        tracing::error!(error = cause, "a query failed");
        Problem::new(ProblemKind::Internal, "the request could not be finished")
    }
}

/// What an unreadable body means to a client.
pub(super) fn of_unreadable(unreadable: Unreadable) -> Problem {
    match unreadable {
        Unreadable::NotUtf8(_) | Unreadable::NotJson(_) => {
            Problem::new(ProblemKind::MalformedBody, unreadable.to_string())
        }
        Unreadable::NotAnObject(_) => {
            Problem::validation(vec![FieldError { pointer: String::new(), detail: unreadable.to_string() }])
        }
        Unreadable::Fields(errors) => Problem::validation(errors),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::StatusCode;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_problem_that_tells_nothing_of_the_inside() {
        async fn broken() -> &'static str {
            panic!("a secret")
        }
        let app = Router::new()
            .route("/broken", get(broken))
            .layer(CatchPanicLayer::custom(of_panic))
            .layer(from_fn(name_instance));
        let request = Request::get("/broken").body(Body::empty()).expect("a request");
        let response = app.oneshot(request).await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = to_bytes(response.into_body(), 10_000).await.expect("a body");
        let expected = serde_json::json!({
            "type": "/problems/internal", "title": "Something is broken on our side", "status": 500,
            "detail": "the request was not finished", "instance": "/broken"
        });
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).expect("JSON"), expected);
    }
}
