//! Reads a request's body as a JSON object, with a limit and with an answer that says where it is broken. The extractor of every
//! handler that takes a body.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use futures_util::StreamExt;
use serde_json::{Map, Value};

use super::problem::{Problem, ProblemKind, of_unreadable};
use crate::contract::order::read_object;
use crate::intake::Fingerprint;

/// Largest body: an order with 100 lines has some ten kilobytes, the rest is room for metadata.
pub(super) const MAX_BODY: usize = 1 << 20;

/// How much of a body that is too large is read and thrown away (above every limit on bodies), so that the client sees the answer instead of a reset.
const MAX_DRAIN: usize = 8 << 20;

/// The object, and the fingerprint of the bytes it was read from. `LIMIT`: the largest body in bytes.
#[derive(Debug)]
pub(super) struct JsonBody<const LIMIT: usize = MAX_BODY> {
    pub object: Map<String, Value>,
    pub fingerprint: Fingerprint,
}

/// The object of a body that may be left out. Nothing at all, whatever its type, `null` and `{}` are the same: an object without a field.
#[derive(Debug)]
pub(super) struct OptionalJsonBody(pub Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for OptionalJsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let declared = is_json(request.headers().get(header::CONTENT_TYPE));
        let bytes = read_body(request, MAX_BODY).await?;
        match bytes.trim_ascii() {
            b"" => Ok(Self(Map::new())),
            _ if !declared => Err(not_json()),
            b"null" => Ok(Self(Map::new())),
            _ => read_object(&bytes).map(Self).map_err(of_unreadable),
        }
    }
}

impl<S: Send + Sync, const LIMIT: usize> FromRequest<S> for JsonBody<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = read_json(request).await?;
        let object = read_object(&bytes).map_err(of_unreadable)?;
        Ok(Self { object, fingerprint: Fingerprint::of(&bytes) })
    }
}

/// The bytes of a body that is declared as JSON.
pub(super) async fn read_json(request: Request) -> Result<Vec<u8>, Problem> {
    if !is_json(request.headers().get(header::CONTENT_TYPE)) {
        return Err(not_json());
    }
    read_body(request, MAX_BODY).await
}

fn not_json() -> Problem {
    Problem::new(ProblemKind::UnsupportedMediaType, "the header Content-Type must be application/json")
}

/// The bytes of a body of at most `most` bytes, whatever they are.
pub(super) async fn read_body(request: Request, most: usize) -> Result<Vec<u8>, Problem> {
    let (parts, body) = request.into_parts();
    if hopeless(&parts.headers, most) {
        return Err(too_large(most));
    }
    read(body, most).await
}

/// `application/json` or a type with the suffix `+json`, whatever parameters follow.
fn is_json(content_type: Option<&HeaderValue>) -> bool {
    let Some(text) = content_type.and_then(|value| value.to_str().ok()) else { return false };
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Whether not even the first byte should be asked for: the client waits for a go-ahead, or would be drained in vain.
fn hopeless(headers: &HeaderMap, limit: usize) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let allowed = if headers.contains_key(header::EXPECT) { limit } else { MAX_DRAIN };
    length.is_some_and(|length| length > allowed)
}

async fn read(body: Body, limit: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let mut seen = 0;
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| {
            Problem::new(ProblemKind::MalformedBody, format!("the body broke off after {seen} bytes: {error}"))
        })?;
        seen += chunk.len();
        if seen > MAX_DRAIN {
            break;
        }
        if seen <= limit {
            bytes.extend_from_slice(&chunk);
        }
    }
    if seen > limit { Err(too_large(limit)) } else { Ok(bytes) }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(ProblemKind::BodyTooLarge, format!("the body may have at most {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_media_type_whatever_the_parameters() {
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.shop+json"] {
            assert!(is_json(Some(&HeaderValue::from_static(good))), "{good}");
        }
        for bad in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
            assert!(!is_json(Some(&HeaderValue::from_static(bad))), "{bad}");
        }
        assert!(!is_json(None));
    }

    #[tokio::test]
    async fn a_body_at_the_limit_is_read_and_one_byte_more_is_not() {
        assert_eq!(read(Body::from(vec![b'x'; MAX_BODY]), MAX_BODY).await.expect("read").len(), MAX_BODY);
        let problem = read(Body::from(vec![b'x'; MAX_BODY + 1]), MAX_BODY).await.expect_err("too large");
        assert_eq!(problem.kind, ProblemKind::BodyTooLarge);
    }
}
