//! What the two HTTP transports (SMS, push) share: the client, and reading of answers.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, Url};

use super::outbound::{SendError, SetupError};

/// The address of an API without its trailing slash, so that paths can be appended.
pub(super) fn base(option: &'static str, text: &str) -> Result<Url, SetupError> {
    let url = Url::parse(text.trim_end_matches('/')).map_err(|error| SetupError::option(option, error.to_string()))?;
    match url.scheme() {
        "http" | "https" if url.host_str().is_some() => Ok(url),
        _ => Err(SetupError::option(option, "must be an http or https address")),
    }
}

/// A client without redirects: a provider's API has none, and following one would carry credentials elsewhere.
///
/// For plain http it loads no root certificates, because loading them fails on a machine that has none.
pub(super) fn client(base: &Url) -> Result<Client, SetupError> {
    let builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("order-fleet/", env!("CARGO_PKG_VERSION")));
    let builder = if base.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
    builder.build().map_err(SetupError::Client)
}

/// The path appended to the base, each segment escaped.
pub(super) fn endpoint(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// A call without an answer: refused connections, broken TLS, cut connections.
pub(super) fn no_answer(error: reqwest::Error) -> SendError {
    SendError::unavailable(words(error))
}

/// The whole chain of an error, without the address.
pub(super) fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    reason
}

/// Longest answer that is read; the providers' answers have a few hundred bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// The body's beginning.
pub(super) async fn body(mut response: Response) -> Result<Vec<u8>, SendError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            break;
        }
    }
    Ok(body)
}

/// `Retry-After` in its form of seconds (RFC 9110, 10.2.3), which is the one both providers use.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_appended_to_any_base_and_escaped() {
        for text in ["http://127.0.0.1:1", "http://127.0.0.1:1/"] {
            let base = base("--x", text).expect("an address");
            assert_eq!(endpoint(&base, &["v1", "a/b"]).as_str(), "http://127.0.0.1:1/v1/a%2Fb");
        }
        let proxied = base("--x", "https://gateway.example/twilio/").expect("an address");
        assert_eq!(endpoint(&proxied, &["v1"]).as_str(), "https://gateway.example/twilio/v1");
        for bad in ["", "nonsense", "ftp://host", "mailto:a@b"] {
            assert!(base("--x", bad).is_err(), "{bad}");
        }
    }
}
