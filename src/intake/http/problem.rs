//! Answers that are no success: problem details (RFC 9457), one kind per slug. Every handler and layer returns these, so that no
//! client ever has to read an error in another form.

use std::any::Any;

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::contract::FieldError;
use crate::contract::order::Unreadable;
use crate::store::is_outage;

/// What went wrong, in the terms of the API's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    MalformedBody,
    Unauthenticated,
    Validation,
    NotFound,
    MethodNotAllowed,
    Conflict,
    IdempotencyKeyReused,
    IdempotencyKeyInFlight,
    BodyTooLarge,
    UnsupportedMediaType,
    Overloaded,
    Timeout,
    Internal,
}

impl ProblemKind {
    pub fn slug(self) -> &'static str {
        match self {
            Self::MalformedBody => "malformed-body",
            Self::Unauthenticated => "unauthenticated",
            Self::Validation => "validation",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Conflict => "conflict",
            Self::IdempotencyKeyReused => "idempotency-key-reused",
            Self::IdempotencyKeyInFlight => "idempotency-key-in-flight",
            Self::BodyTooLarge => "body-too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }

    pub fn status(self) -> StatusCode {
        match self {
            Self::MalformedBody => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Validation | Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict | Self::IdempotencyKeyInFlight => StatusCode::CONFLICT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Overloaded | Self::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::MalformedBody => "The body cannot be read",
            Self::Unauthenticated => "The request does not prove who sent it",
            Self::Validation => "Some values are not acceptable",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "The method is not allowed here",
            Self::Conflict => "The request conflicts with the present state",
            Self::IdempotencyKeyReused => "The idempotency key belongs to another request",
            Self::IdempotencyKeyInFlight => "A request with this idempotency key is in progress",
            Self::BodyTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body is not of the type that is read here",
            Self::Overloaded => "The service is busy or waits for its database",
            Self::Timeout => "The request took too long",
            Self::Internal => "Something is broken on our side",
        }
    }

    /// Seconds after which asking again makes sense: a key in flight is answered within moments, an outage is not over sooner.
    fn retry_after(self) -> Option<&'static str> {
        match self {
            Self::IdempotencyKeyInFlight => Some("1"),
            Self::Overloaded | Self::Timeout => Some("2"),
            Self::MalformedBody
            | Self::Unauthenticated
            | Self::Validation
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::Conflict
            | Self::IdempotencyKeyReused
            | Self::BodyTooLarge
            | Self::UnsupportedMediaType
            | Self::Internal => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Problem {
    pub kind: ProblemKind,
    /// For people: what exactly, and what to do about it.
    pub detail: String,
    /// Every value at fault.
    pub errors: Vec<FieldError>,
}

impl Problem {
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new() }
    }

    pub fn validation(errors: Vec<FieldError>) -> Self {
        let detail = match errors.len() {
            1 => "one value is at fault".to_owned(),
            count => format!("{count} values are at fault"),
        };
        Self { kind: ProblemKind::Validation, detail, errors }
    }

    fn render(&self, instance: Option<&str>) -> Response {
        let body = Body {
            kind: format!("/problems/{}", self.kind.slug()),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: &self.detail,
            instance,
            errors: &self.errors,
        };
        let mut response = (self.kind.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.kind.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        response
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
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
