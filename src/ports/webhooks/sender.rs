//! One call of one endpoint: signed, bounded in time and in what is read of the answer, without redirects. Whatever comes of it is a
//! value. Called by the webhook-service.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::resolver::Guard;
use super::{AddressRules, EndpointUrl};
use crate::contract::signature::{self, Secret};
use crate::ports::http;

/// How much of an answer is read and kept.
pub const MAX_RESPONSE: usize = 1024;

/// What is sent to whom.
pub struct Shipment<'a> {
    pub url: &'a EndpointUrl,
    /// `webhook-id`: the same in every repetition.
    pub id: Uuid,
    pub body: String,
    /// Each signs; the newest first.
    pub secrets: &'a [Secret],
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub at: OffsetDateTime,
    pub duration: Duration,
    /// `None`: no answer came.
    pub status: Option<u16>,
    /// Why it is no success; `None` when it is one.
    pub error: Option<String>,
    /// The beginning of the answer's body, at most [`MAX_RESPONSE`] bytes.
    pub response: String,
}

impl Attempt {
    pub fn succeeded(&self) -> bool {
        self.error.is_none()
    }
}

pub struct WebhookSender {
    rules: AddressRules,
    deadline: Duration,
    /// Of a private authority, beside those that the system knows.
    authority: Option<Certificate>,
    clear: OnceLock<Client>,
    /// Made when it is first needed: a machine without root certificates can run everything else.
    encrypted: OnceLock<Client>,
}

impl WebhookSender {
    /// `deadline` bounds one call: resolving, connecting and reading included.
    pub fn new(rules: AddressRules, deadline: Duration, authority: Option<Certificate>) -> Self {
        Self { rules, deadline, authority, clear: OnceLock::new(), encrypted: OnceLock::new() }
    }

    pub fn rules(&self) -> AddressRules {
        self.rules
    }

    pub async fn send(&self, shipment: Shipment<'_>) -> Attempt {
        let (at, started) = (OffsetDateTime::now_utc(), Instant::now());
        let until = started + self.deadline;
        let (status, error, response) = match timeout_at(until, self.call(shipment, at)).await {
            Ok(Ok(mut answer)) => {
                let status = answer.status().as_u16();
                let mut bytes = Vec::new();
                // The status has been said: an answer that breaks off, or never ends, is as good as what was read of it.
                let _ = timeout_at(until, read(&mut answer, &mut bytes)).await;
                (Some(status), judge(status), text(bytes))
            }
            Ok(Err(error)) => (None, Some(error), String::new()),
            Err(_) => (None, Some(format!("no answer within {} ms", self.deadline.as_millis())), String::new()),
        };
        Attempt { at, duration: started.elapsed(), status, error, response }
    }

    async fn call(&self, shipment: Shipment<'_>, at: OffsetDateTime) -> Result<Response, String> {
        let Shipment { url, id, body, secrets } = shipment;
        let (id, timestamp) = (id.to_string(), at.unix_timestamp());
        let signatures: Vec<String> =
            secrets.iter().map(|secret| secret.sign(&id, timestamp, body.as_bytes())).collect();
        let request = self
            .client(url)?
            .post(url.as_str())
            .header("content-type", "application/json")
            .header(signature::ID, id)
            .header(signature::TIMESTAMP, timestamp)
            .header(signature::SIGNATURE, signatures.join(" "))
            .body(body);
        request.send().await.map_err(http::words)
    }

    fn client(&self, url: &EndpointUrl) -> Result<Client, String> {
        let cell = if url.is_encrypted() { &self.encrypted } else { &self.clear };
        if let Some(client) = cell.get() {
            return Ok(client.clone());
        }
        let client = self.build(url.is_encrypted()).map_err(http::words)?;
        Ok(cell.get_or_init(|| client).clone())
    }

    /// No proxy: it would resolve the name itself, behind the guard's back.
    fn build(&self, encrypted: bool) -> Result<Client, reqwest::Error> {
        let builder = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(Guard { allow_private: self.rules.allow_private })
            .user_agent(concat!("order-fleet/", env!("CARGO_PKG_VERSION")));
        match (encrypted, &self.authority) {
            (false, _) => builder.tls_certs_only([]),
            (true, Some(authority)) => builder.tls_certs_merge([authority.clone()]),
            (true, None) => builder,
        }
        .build()
    }
}

/// Why a status is no success: only 2xx is (Standard Webhooks, "Responding to webhooks").
fn judge(status: u16) -> Option<String> {
    match status {
        200..=299 => None,
        300..=399 => Some(format!("the endpoint answered {status}; redirects are not followed")),
        _ => Some(format!("the endpoint answered {status}")),
    }
}

/// Reads the beginning of an answer, in pieces, so that what was read stays when the rest does not come.
async fn read(answer: &mut Response, bytes: &mut Vec<u8>) {
    while bytes.len() < MAX_RESPONSE
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        bytes.extend_from_slice(&chunk);
    }
}

fn text(mut bytes: Vec<u8>) -> String {
    bytes.truncate(MAX_RESPONSE);
    // the database cannot store U+0000
    String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_2xx_is_a_success() {
        for good in [200, 201, 202, 204, 299] {
            assert_eq!(judge(good), None, "{good}");
        }
        for bad in [100, 300, 301, 307, 400, 401, 404, 410, 429, 500, 503] {
            assert!(judge(bad).is_some_and(|why| why.contains(&bad.to_string())), "{bad}");
        }
    }
}
