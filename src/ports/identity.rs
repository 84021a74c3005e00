//! An identity provider: where the public keys of its tokens are published (JWKS). Fetched by the HTTP API.

use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::{Client, Url};
use tokio::time::timeout;

use super::http;
use super::outbound::SetupError;
use crate::access::{UnreadableKeys, VerifyingKey, read_jwks};

/// Longest wait for the keys: requests wait for them.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum NoKeys {
    #[error("the identity provider cannot be reached: {0}")]
    Unreachable(String),
    #[error("the identity provider answers {0}")]
    Refused(reqwest::StatusCode),
    #[error(transparent)]
    Unreadable(#[from] UnreadableKeys),
}

#[derive(Clone, Debug)]
pub struct Issuer {
    keys: Url,
    client: Client,
}

impl Issuer {
    /// `url`: where the keys are, as in `https://login.shop.example/.well-known/jwks.json`.
    ///
    /// # Errors
    /// When this is no address of the web.
    pub fn new(url: &str) -> Result<Self, SetupError> {
        let keys = http::base("JWKS_URL", url)?;
        Ok(Self { client: http::client(&keys)?, keys })
    }

    /// # Errors
    /// [`NoKeys`] says why there are none at the moment.
    pub async fn fetch(&self) -> Result<Vec<VerifyingKey>, NoKeys> {
        let answer = timeout(PATIENCE, async {
            let request =
                self.client.get(self.keys.clone()).header(ACCEPT, "application/jwk-set+json, application/json");
            let response = request.send().await.map_err(http::no_answer)?;
            let status = response.status();
            Ok::<_, super::outbound::SendError>((status, http::body(response).await?))
        });
        let (status, body) = answer
            .await
            .map_err(|_| NoKeys::Unreachable(format!("no answer within {} s", PATIENCE.as_secs())))?
            .map_err(|error| NoKeys::Unreachable(error.to_string()))?;
        if !status.is_success() {
            return Err(NoKeys::Refused(status));
        }
        Ok(read_jwks(&body)?)
    }
}
