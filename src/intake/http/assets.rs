//! Styles, scripts and icons of our pages, built into the binary. Their addresses carry a version, so browsers may keep them for good.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::problem::{Problem, ProblemKind};

/// Name, type, content of each.
pub(super) type Files = [(&'static str, &'static str, &'static str)];

pub(super) const CSS: &str = "text/css; charset=utf-8";
pub(super) const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
pub(super) const SVG: &str = "image/svg+xml";

/// Changes whenever one of the files does.
pub(super) fn version(files: &Files) -> String {
    let all = files.iter().fold(Sha256::new(), |hash, (_, _, content)| hash.chain_update(content));
    all.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The file of this name.
pub(super) fn answer(files: &Files, name: Option<&str>) -> Result<Response, Problem> {
    let file = name.and_then(|name| files.iter().find(|(known, _, _)| *known == name));
    let (_, kind, content) =
        file.ok_or_else(|| Problem::new(ProblemKind::NotFound, "nothing is served under this path"))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    Ok((headers, *content).into_response())
}
