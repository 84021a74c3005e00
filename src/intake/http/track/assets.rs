//! The page's style, script and icon, built into the binary. Their addresses carry a version, so browsers may keep them for good.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::intake::http::problem::{Problem, ProblemKind};

/// Name, type, content.
const FILES: [(&str, &str, &str); 3] = [
    ("track.css", "text/css; charset=utf-8", include_str!("../../../../templates/track/track.css")),
    ("track.js", "text/javascript; charset=utf-8", include_str!("../../../../templates/track/track.js")),
    ("icon.svg", "image/svg+xml", include_str!("../../../../templates/track/icon.svg")),
];

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let all = FILES.iter().fold(Sha256::new(), |hash, (_, _, content)| hash.chain_update(content));
    all.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
});

/// Changes whenever one of the files does.
pub(super) fn version() -> &'static str {
    &VERSION
}

/// `GET /track/assets/{file}`
pub(super) async fn asset(name: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let file = name.ok().and_then(|Path(name)| FILES.iter().find(|(known, _, _)| *known == name));
    let (_, kind, content) =
        file.ok_or_else(|| Problem::new(ProblemKind::NotFound, "nothing is served under this path"))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    Ok((headers, *content).into_response())
}
