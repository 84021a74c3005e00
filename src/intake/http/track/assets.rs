//! The page's style, script and icon.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;

use crate::intake::http::assets::{self, CSS, JAVASCRIPT, SVG};
use crate::intake::http::problem::Problem;

const FILES: [(&str, &str, &str); 3] = [
    ("track.css", CSS, include_str!("../../../../templates/track/track.css")),
    ("track.js", JAVASCRIPT, include_str!("../../../../templates/track/track.js")),
    ("icon.svg", SVG, include_str!("../../../../templates/track/icon.svg")),
];

static VERSION: LazyLock<String> = LazyLock::new(|| assets::version(&FILES));

/// Changes whenever one of the files does.
pub(super) fn version() -> &'static str {
    &VERSION
}

/// `GET /track/assets/{file}`
pub(super) async fn asset(name: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    assets::answer(&FILES, name.ok().as_ref().map(|Path(name)| name.as_str()))
}
