//! How much the API takes on at once and how long it works on one request. Two layers of the router.

use std::sync::Arc;
use std::time::Duration;

use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::problem::{Problem, ProblemKind};

/// Requests in progress; one more is refused at once. Above what the intake lets wait, so that a burst of orders does not also
/// refuse those who only read; a request costs some ten kilobytes.
const IN_PROGRESS: usize = 6_000;

/// Bytes of bodies in progress; who brings more is refused before the first of them is read. What is made of a body takes several
/// times its size for a moment, so this bounds the memory of all of them together.
const BODIES: usize = 64 << 20;

/// What a body is taken for that does not say how long it is: the most that most routes read.
const UNSAID: usize = 1 << 20;

/// Longest time for one request, its body included: above the intake's own limit, below the usual 30 s of proxies.
const PER_REQUEST: Duration = Duration::from_secs(15);

/// The places for requests in progress, and the room for their bodies.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    places: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

impl Default for Admission {
    fn default() -> Self {
        Self::of(IN_PROGRESS, BODIES)
    }
}

impl Admission {
    fn of(places: usize, bytes: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), bytes: Arc::new(Semaphore::new(bytes)) }
    }
}

/// How much room a request's body is given. A length beyond all room is refused by whoever reads it, unread.
fn length(request: &Request) -> u32 {
    let bytes = request.body().size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(UNSAID);
    u32::try_from(bytes.min(BODIES / 4)).unwrap_or(u32::MAX)
}

pub(super) async fn admit(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    let Ok(_place) = admission.places.try_acquire() else {
        return Problem::new(ProblemKind::Overloaded, "too many requests are in progress").into_response();
    };
    let Ok(_room) = admission.bytes.try_acquire_many(length(&request)) else {
        return Problem::new(ProblemKind::Overloaded, "too much is being sent at the moment").into_response();
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
    use axum::routing::{get, post};
    use tower::ServiceExt;

    use super::*;

    async fn ask(app: Router) -> Response {
        app.oneshot(Request::get("/").body(Body::empty()).expect("a request")).await.expect("an answer")
    }

    #[tokio::test]
    async fn a_request_without_a_place_is_refused_at_once() {
        let app = |places| {
            let admission = Admission::of(places, BODIES);
            Router::new().route("/", get(async || "done")).layer(from_fn_with_state(admission, admit))
        };
        assert_eq!(ask(app(1)).await.status(), StatusCode::OK);
        let refused = ask(app(0)).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.headers().contains_key("retry-after"));
    }

    #[tokio::test]
    async fn a_body_without_room_is_refused_unread() {
        let app = |bytes| {
            let admission = Admission::of(1, bytes);
            Router::new().route("/", post(async |_: String| "done")).layer(from_fn_with_state(admission, admit))
        };
        let send = async |app: Router, body: Body| {
            app.oneshot(Request::post("/").body(body).expect("a request")).await.expect("an answer").status()
        };
        let unsaid = || Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("x")]));
        assert_eq!(send(app(100), Body::from("x".repeat(100))).await, StatusCode::OK);
        assert_eq!(send(app(100), Body::from("x".repeat(101))).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(send(app(UNSAID), unsaid()).await, StatusCode::OK);
        assert_eq!(send(app(UNSAID - 1), unsaid()).await, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_without_end_is_ended() {
        let app = Router::new().route("/", get(std::future::pending::<&str>)).layer(from_fn(limit_time));
        assert_eq!(ask(app).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
