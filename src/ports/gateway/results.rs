//! How a gateway that is none tells results: a signed webhook, sent again until it is taken. Used by the simulated gateway and by the
//! stand-in of tests.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::{Client, Url};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::contract::payment_webhook::{FAILED, PaymentResult, PaymentWebhook, SUCCEEDED};
use crate::contract::signature::{self, Secret};
use crate::domain::payment::LateResult;
use crate::ports::{SetupError, http};

/// First and longest pause between tries, and how many follow the first: some three minutes in all.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));
const TRIES: usize = 12;
/// Longest wait for one answer.
const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct ResultSender {
    client: Client,
    url: Url,
    secret: Secret,
    delay: Duration,
}

/// Why a webhook was not taken.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("no answer")]
    NoAnswer(#[from] reqwest::Error),
    #[error("the answer is {0}")]
    Refused(reqwest::StatusCode),
}

impl ResultSender {
    /// `delay` is how long a charge stays open.
    ///
    /// # Errors
    /// [`SetupError`] when the address is none or the client cannot be built.
    pub fn new(url: &str, secret: Secret, delay: Duration) -> Result<Self, SetupError> {
        let url = http::base("GATEWAY_WEBHOOK_URL", url)?;
        Ok(Self { client: http::client(&url)?, url, secret, delay })
    }

    pub async fn pause(&self) {
        tokio::time::sleep(self.delay).await;
    }

    /// Sends until it is taken, or given up.
    pub async fn tell(&self, result: LateResult, data: PaymentResult) {
        let (id, order_id) = (format!("msg_{}", Uuid::now_v7().simple()), data.order_id);
        let kind = match result {
            LateResult::Succeeded => SUCCEEDED,
            LateResult::Failed => FAILED,
        };
        let webhook = PaymentWebhook { kind: kind.to_owned(), timestamp: OffsetDateTime::now_utc(), data };
        let Ok(body) = serde_json::to_vec(&webhook) else { return };
        let backoff = ExponentialBuilder::default()
            .with_min_delay(BACKOFF.0)
            .with_max_delay(BACKOFF.1)
            .with_max_times(TRIES)
            .with_jitter();
        match (|| self.post(&id, &body)).retry(backoff).await {
            Ok(()) => tracing::debug!(%order_id, kind, "the gateway told a result"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, %order_id, kind, "the gateway gave up telling a result");
            }
        }
    }

    /// One try, with a signature of its own time.
    async fn post(&self, id: &str, body: &[u8]) -> Result<(), NotTaken> {
        let timestamp = OffsetDateTime::now_utc().unix_timestamp();
        let request = self
            .client
            .post(self.url.clone())
            .timeout(DEADLINE)
            .header("content-type", "application/json")
            .header(signature::ID, id)
            .header(signature::TIMESTAMP, timestamp)
            .header(signature::SIGNATURE, self.secret.sign(id, timestamp, body))
            .body(body.to_vec());
        let status = request.send().await?.status();
        if status.is_success() { Ok(()) } else { Err(NotTaken::Refused(status)) }
    }
}
