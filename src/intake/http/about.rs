//! The API about itself: its contract, and a page for each kind of problem, which is where the `type` of a problem leads.

mod page;

use std::sync::OnceLock;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};

use super::problem::ProblemKind::NotFound;
use super::problem::{Problem, ProblemKind};
use super::router::document_json;

/// A page may do nothing but show itself.
const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Show the contract of the API
///
/// This document: OpenAPI 3.1, made from the code that answers.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "getContract", tag = "about",
    responses((status = 200, description = "The document.", body = Object, content_type = "application/json"))
)]
pub(super) async fn contract() -> Result<Response, Problem> {
    // the same for the whole life of the process
    static DOCUMENT: OnceLock<Option<String>> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| document_json().ok()).as_deref();
    let document = document.ok_or_else(|| Problem::new(ProblemKind::Internal, "the document cannot be written"))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], document).into_response())
}

/// List the kinds of problem
///
/// Each with its status and the way to its page.
#[utoipa::path(
    get, path = "/problems", operation_id = "listProblemKinds", tag = "about",
    responses((status = 200, description = "A page for people.", body = String, content_type = "text/html"))
)]
pub(super) async fn problems() -> Response {
    html(page::list())
}

/// Explain a kind of problem
///
/// The `type` of every problem leads here: what it means, and what to do.
#[utoipa::path(
    get, path = "/problems/{kind}", operation_id = "explainProblemKind", tag = "about",
    params(("kind" = inline(ProblemKind), Path)),
    responses((status = 200, description = "A page for people.", body = String, content_type = "text/html")),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn problem(kind: Result<Path<ProblemKind>, PathRejection>) -> Result<Response, Problem> {
    let Path(kind) = kind.map_err(|_| Problem::new(NotFound, "no kind of problem has this name; see /problems"))?;
    Ok(html(page::of(kind)))
}

fn html(page: String) -> Response {
    let policy: (HeaderName, HeaderValue) = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    ([policy], Html(page)).into_response()
}
