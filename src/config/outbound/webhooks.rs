//! Settings of outbound webhooks: what order-api and webhook-service share, and how the latter delivers.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};
use reqwest::Certificate;

use super::{given, milliseconds};
use crate::ports::SetupError;
use crate::ports::webhooks::{AddressRules, Vault, WebhookSender};

/// What both must agree about. Holds a key, so it has no `Debug`.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Webhooks")]
pub struct WebhookArgs {
    /// Key that encrypts the secrets of webhooks in the database: 32 random bytes in base64; several separated by commas, of which
    /// the first encrypts and all decrypt. Without it, secrets are stored unencrypted
    #[arg(long, env, hide_env_values = true, value_name = "KEY")]
    pub webhook_key: Option<String>,
    /// Lets webhooks go to addresses that are not public (127.0.0.1, 10.0.0.1, …): for tests, or where all partners are in-house
    #[arg(long, env, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub webhook_allow_private: bool,
    /// Lets webhooks go over http, unencrypted
    #[arg(long, env, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub webhook_allow_http: bool,
}

impl WebhookArgs {
    pub fn rules(&self) -> AddressRules {
        AddressRules { allow_http: self.webhook_allow_http, allow_private: self.webhook_allow_private }
    }

    /// # Errors
    /// [`SetupError`] when a key is none.
    pub fn vault(&self) -> Result<Vault, SetupError> {
        match given(self.webhook_key.as_deref()) {
            Some(keys) => Vault::new(keys).map_err(|error| SetupError::option("WEBHOOK_KEY", error.to_string())),
            None => Ok(Vault::default()),
        }
    }
}

/// How the webhook-service delivers.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Webhooks")]
pub struct DeliveryArgs {
    /// Longest that one call of an endpoint may take, in milliseconds
    #[arg(long, env, value_name = "MS", default_value = "15000", value_parser = milliseconds)]
    pub webhook_deadline: Duration,
    /// Certificate file (PEM) of a private authority that signed endpoints' certificates, beside those of the system
    #[arg(long, env, value_name = "FILE")]
    pub webhook_ca_file: Option<PathBuf>,
    /// Hours of nothing but failures after which an endpoint is disabled
    #[arg(long, env, value_name = "HOURS", default_value_t = 72)]
    pub webhook_disable_hours: u16,
    /// Failed attempts in a row that it takes besides
    #[arg(long, env, value_name = "COUNT", default_value_t = 20)]
    pub webhook_disable_failures: u16,
}

impl DeliveryArgs {
    /// # Errors
    /// [`SetupError`] when the authority's certificate cannot be read.
    pub fn sender(&self, rules: AddressRules) -> Result<WebhookSender, SetupError> {
        let authority = match self.webhook_ca_file.as_ref().filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => {
                let option = "WEBHOOK_CA_FILE";
                let pem =
                    std::fs::read(path).map_err(|source| SetupError::File { option, path: path.clone(), source })?;
                Some(Certificate::from_pem(&pem).map_err(SetupError::Client)?)
            }
            None => None,
        };
        Ok(WebhookSender::new(rules, self.webhook_deadline, authority))
    }
}
