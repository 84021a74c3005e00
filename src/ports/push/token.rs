//! The access token for FCM: fetched when needed, kept until shortly before it expires. Used by [`super::FcmPush`].

use std::fmt;
use std::time::Duration;

use reqwest::{Client, Url};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::ServiceAccount;
use crate::ports::http;
use crate::ports::outbound::{SendError, SetupError, for_logs};

/// So long before its end a token is replaced: longer than any send takes.
const RENEW_BEFORE_END: Duration = Duration::from_secs(60);

/// RFC 7523, 2.1.
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

pub(super) struct Tokens {
    account: ServiceAccount,
    endpoint: Url,
    client: Client,
    current: Mutex<Option<Token>>,
}

struct Token {
    text: String,
    renew_at: Instant,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    /// Seconds.
    expires_in: u64,
}

impl Tokens {
    pub(super) fn new(account: ServiceAccount) -> Result<Self, SetupError> {
        let endpoint = http::base("PUSH_CREDENTIALS_FILE", &account.token_uri)?;
        Ok(Self { client: http::client(&endpoint)?, endpoint, account, current: Mutex::new(None) })
    }

    /// The lock is held while fetching, so that many senders at the start cause one request.
    pub(super) async fn get(&self) -> Result<String, SendError> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(token.text.clone());
        }
        let asked_at = Instant::now();
        let answer = self.fetch().await?;
        let life = Duration::from_secs(answer.expires_in).saturating_sub(RENEW_BEFORE_END);
        *current = Some(Token { text: answer.access_token.clone(), renew_at: asked_at + life });
        Ok(answer.access_token)
    }

    /// Drops a token that FCM no longer takes; one that another sender has fetched meanwhile stays.
    pub(super) async fn forget(&self, refused: &str) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|token| token.text == refused) {
            *current = None;
        }
    }

    /// Whatever goes wrong here is about our account, never about the message.
    async fn fetch(&self) -> Result<Answer, SendError> {
        let assertion = self
            .account
            .assertion(OffsetDateTime::now_utc())
            .map_err(|error| SendError::unavailable(format!("the assertion cannot be signed: {error}")))?;
        let form = [("grant_type", GRANT_TYPE), ("assertion", assertion.as_str())];
        let request = self.client.post(self.endpoint.clone()).form(&form);
        let response = request.send().await.map_err(http::no_answer)?;
        let (status, retry_after) = (response.status(), http::retry_after(response.headers()));
        let body = http::body(response).await?;
        if !status.is_success() {
            let words = for_logs(&String::from_utf8_lossy(&body), "", "");
            return Err(SendError::Unavailable { reason: format!("no access token: {status}: {words}"), retry_after });
        }
        serde_json::from_slice(&body)
            .map_err(|_| SendError::unavailable(format!("no access token: {status} without a token in it")))
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("account", &self.account).finish_non_exhaustive()
    }
}
