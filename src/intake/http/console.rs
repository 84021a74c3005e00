//! The operator's console, `/console`: a page that calls the API with the operator's own token, and so may do what the operator may.
//! The page itself holds nothing that is anybody's.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use super::assets::{self, CSS, JAVASCRIPT, SVG};
use super::problem::Problem;

macro_rules! file {
    ($name:literal, $kind:expr) => {
        ($name, $kind, include_str!(concat!("../../../templates/console/", $name)))
    };
}

const FILES: [(&str, &str, &str); 12] = [
    file!("app.js", JAVASCRIPT),
    file!("api.js", JAVASCRIPT),
    file!("causes.js", JAVASCRIPT),
    file!("console.css", CSS),
    file!("dom.js", JAVASCRIPT),
    file!("fleet.js", JAVASCRIPT),
    file!("icon.svg", SVG),
    file!("letters.js", JAVASCRIPT),
    file!("repair.js", JAVASCRIPT),
    file!("replays.js", JAVASCRIPT),
    file!("stopped.js", JAVASCRIPT),
    file!("verdict.js", JAVASCRIPT),
];

/// The version is a part of the path, so that scripts find each other beside themselves.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    include_str!("../../../templates/console/index.html").replace("{version}", &assets::version(&FILES))
});

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/console", get(page)).route("/console/{version}/{file}", get(asset))
}

async fn page() -> Response {
    ([(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))], Html(PAGE.as_str())).into_response()
}

async fn asset(path: Result<Path<(String, String)>, PathRejection>) -> Result<Response, Problem> {
    assets::answer(&FILES, path.ok().as_ref().map(|Path((_, file))| file.as_str()))
}
