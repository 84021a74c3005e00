//! Gives each request its correlation id, in the log, in the answer and in every message that it causes. A layer of the router.

use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Instrument, field};
use uuid::Uuid;

pub const CORRELATION_HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// Longest id taken over from a client: it is stored with each order and travels in every message.
const MAX_ID: usize = 128;

/// Extension of every request that reaches a handler.
#[derive(Clone, Debug)]
pub struct CorrelationId(pub String);

pub(super) async fn correlate(mut request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(&CORRELATION_HEADER)
        .and_then(|value| acceptable(value.as_bytes()))
        .unwrap_or_else(|| Uuid::now_v7().to_string());
    let method = request.method().clone();
    let path = for_logs(request.uri().path());
    let span = tracing::info_span!("http_request", correlation_id = %id, %method, path, actor = field::Empty);
    request.extensions_mut().insert(CorrelationId(id.clone()));
    let started = Instant::now();
    async {
        let mut response = next.run(request).await;
        if let Ok(value) = HeaderValue::try_from(id) {
            response.headers_mut().insert(CORRELATION_HEADER, value);
        }
        let (status, milliseconds) = (response.status().as_u16(), started.elapsed().as_millis());
        match response.status().is_server_error() {
            true => tracing::warn!(status, milliseconds, "answered"),
            false => tracing::debug!(status, milliseconds, "answered"),
        }
        response
    }
    .instrument(span)
    .await
}

/// Tracking links open an order to whoever has them: a log must not be such a reader.
fn for_logs(path: &str) -> String {
    match path.strip_prefix("/track/").filter(|rest| !rest.starts_with("assets/")) {
        Some(rest) => {
            let after = rest.find('/').map_or("", |end| &rest[end..]);
            format!("/track/***{after}")
        }
        None => path.to_owned(),
    }
}

/// A client's id as it stands, or nothing: one that breaks the rules is replaced, not mended.
fn acceptable(value: &[u8]) -> Option<String> {
    let visible = (1..=MAX_ID).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
    visible.then(|| String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracking_links_are_not_logged() {
        assert_eq!(for_logs("/track/AbC-_9/events"), "/track/***/events");
        assert_eq!(for_logs("/track/AbC-_9"), "/track/***");
        assert_eq!(for_logs("/track/assets/track.js"), "/track/assets/track.js");
        assert_eq!(for_logs("/api/v1/orders"), "/api/v1/orders");
    }

    #[test]
    fn only_short_visible_ids_are_taken_over() {
        assert_eq!(acceptable(b"shop-42"), Some("shop-42".to_owned()));
        for bad in [&b""[..], b"two words", b"line\n", &[0xc3, 0xbc], &[b'x'; 129]] {
            assert_eq!(acceptable(bad), None);
        }
    }
}
