//! Which webhooks of the payment gateway are believed. Part of the settings of order-api.

use clap::Args;

use crate::contract::signature::Secret;
use crate::ports::SetupError;

/// Holds secrets, so it has no `Debug`.
#[derive(Args, Clone)]
pub struct PaymentWebhookArgs {
    /// Secrets that sign the payment gateway's webhooks: whsec_ and base64. Several, divided by commas, are all good: while one is
    /// being replaced, the old and the new. Without any, POST /api/v1/payments/webhook is closed
    #[arg(long, env, hide_env_values = true, value_name = "SECRET,…", value_delimiter = ',')]
    pub payment_webhook_secrets: Vec<String>,
}

impl PaymentWebhookArgs {
    /// # Errors
    /// [`SetupError`] when one of them is no secret.
    pub fn build(&self) -> Result<Vec<Secret>, SetupError> {
        let given = self.payment_webhook_secrets.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
        given
            .map(|text| text.parse().map_err(|error| SetupError::option("PAYMENT_WEBHOOK_SECRETS", format!("{error}"))))
            .collect()
    }
}
