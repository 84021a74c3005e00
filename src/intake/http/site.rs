//! Swagger UI under `/docs`, served from the binary: nothing is loaded from elsewhere. Merged into the router beside the API.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::problem::{Problem, ProblemKind};

/// What the page needs: its own files, styles that it sets itself, pictures in its style sheet, and the API to try things out on.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let config = Config::new(["/openapi.json"])
        // else it asks a service on the Internet what it thinks of the document
        .validator_url("none")
        .display_operation_id(true)
        .doc_expansion("list")
        .default_models_expand_depth(0);
    Router::from(SwaggerUi::new("/docs").config(config)).layer(middleware::from_fn(finish))
}

async fn finish(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status() == StatusCode::NOT_FOUND {
        return Problem::new(ProblemKind::NotFound, "nothing is served under this path").into_response();
    }
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
