//! How much the API takes on at once and how long it works on one request. Two layers of the router.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::problem::{Problem, ProblemKind};

/// Requests in progress; one more is refused at once. Above what the intake lets wait, so that a burst of orders does not also
/// refuse those who only read; a request costs some ten kilobytes.
const IN_PROGRESS: usize = 6_000;

/// Longest time for one request, its body included: above the intake's own limit, below the usual 30 s of proxies.
const PER_REQUEST: Duration = Duration::from_secs(15);

/// The places for requests in progress.
#[derive(Clone, Debug)]
pub(super) struct Admission(Arc<Semaphore>);

impl Default for Admission {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(IN_PROGRESS)))
    }
}

pub(super) async fn admit(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    let Ok(_place) = admission.0.try_acquire() else {
        return Problem::new(ProblemKind::Overloaded, "too many requests are in progress").into_response();
    };
    next.run(request).await
}

pub(super) async fn limit_time(request: Request, next: Next) -> Response {
    match timeout(PER_REQUEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("no answer within {} s", PER_REQUEST.as_secs());
            Problem::new(ProblemKind::Timeout, detail).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::middleware::{from_fn, from_fn_with_state};
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn ask(app: Router) -> Response {
        app.oneshot(Request::get("/").body(Body::empty()).expect("a request")).await.expect("an answer")
    }

    #[tokio::test]
    async fn a_request_without_a_place_is_refused_at_once() {
        let app = |places| {
            let admission = Admission(Arc::new(Semaphore::new(places)));
            Router::new().route("/", get(async || "done")).layer(from_fn_with_state(admission, admit))
        };
        assert_eq!(ask(app(1)).await.status(), StatusCode::OK);
        let refused = ask(app(0)).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.headers().contains_key("retry-after"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_without_end_is_ended() {
        let app = Router::new().route("/", get(std::future::pending::<&str>)).layer(from_fn(limit_time));
        assert_eq!(ask(app).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
