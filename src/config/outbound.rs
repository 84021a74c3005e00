//! Settings of mail, SMS, push, the payment gateway and webhooks. Flattened into the settings of the services that use them.

mod alerts;
mod webhooks;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use lettre::message::Mailbox;

use crate::contract::signature::Secret;
use crate::ports::SetupError;
use crate::ports::gateway::{Behaviour, Gateway, HttpGateway, Rate, ResultSender, SimulatedGateway};
use crate::ports::mail::{Mailer, Server, SmtpMailer, Templates};
use crate::ports::push::{FcmPush, PushSender, ServiceAccount};
use crate::ports::sms::{Account, SmsSender, TwilioSms};
pub use alerts::AlertArgs;
pub use webhooks::{DeliveryArgs, WebhookArgs};

/// Where e-mail goes. Holds a password, so it has no `Debug`.
#[derive(Args, Clone)]
#[command(next_help_heading = "E-mail")]
pub struct MailArgs {
    /// SMTP server: smtp://[user:password@]host[:port], with ?tls=required for STARTTLS, or smtps:// for TLS; user and
    /// password percent-encoded. Without it, mails are written to the mail folder
    #[arg(long, env, hide_env_values = true, value_name = "URL")]
    pub smtp_url: Option<String>,
    /// Certificate file (PEM) of a private authority that signed the SMTP server's certificate
    #[arg(long, env, value_name = "FILE")]
    pub smtp_ca_file: Option<PathBuf>,
    /// Sender of all mails; the name signs them, the host ends their Message-ID
    #[arg(long, env, value_name = "MAILBOX", default_value = "Order Fleet <orders@order-fleet.example>")]
    pub mail_from: Mailbox,
    /// Folder for mails as .eml files when no SMTP server is given
    #[arg(long, env, value_name = "FOLDER", default_value = "./var/mail")]
    pub mail_folder: PathBuf,
    /// Longest that handing over one mail may take, in milliseconds
    #[arg(long, env, value_name = "MS", default_value = "30000", value_parser = milliseconds)]
    pub mail_deadline: Duration,
}

impl MailArgs {
    /// # Errors
    /// [`SetupError`] names the setting that cannot be used.
    pub fn build(&self) -> Result<Mailer, SetupError> {
        let Some(url) = given(self.smtp_url.as_deref()) else {
            tracing::warn!(folder = %self.mail_folder.display(), "no SMTP_URL: mails are written to a folder, nobody gets them");
            return Mailer::folder(&self.mail_folder, self.mail_from.clone());
        };
        let server = Server::parse(url, self.smtp_ca_file.as_deref())?;
        if server.sends_password_in_clear() {
            tracing::warn!(%server, "the SMTP password may cross the network unencrypted: use ?tls=required or smtps://");
        }
        tracing::info!(%server, from = %self.mail_from.email, "mails are sent by SMTP");
        Ok(Mailer::Smtp(SmtpMailer::new(server, self.mail_from.clone(), self.mail_deadline)))
    }

    /// The mails' templates, signed with the sender's name.
    ///
    /// # Errors
    /// [`SetupError::Template`] when a built-in template is broken.
    pub fn templates(&self) -> Result<Templates, SetupError> {
        Templates::new(self.mail_from.name.clone().unwrap_or_else(|| self.mail_from.email.domain().to_owned()))
    }
}

/// Where text messages go. Holds a token, so it has no `Debug`.
#[derive(Args, Clone)]
#[command(next_help_heading = "SMS")]
pub struct SmsArgs {
    /// Address of Twilio's API or of one compatible with it
    #[arg(long, env, value_name = "URL", default_value = "https://api.twilio.com")]
    pub sms_api_url: String,
    /// Account at the provider. Without account, token and sender, texts are written to the SMS folder
    #[arg(long, env, value_name = "SID")]
    pub sms_account_sid: Option<String>,
    /// The account's secret
    #[arg(long, env, hide_env_values = true, value_name = "TOKEN")]
    pub sms_auth_token: Option<String>,
    /// Number, short code or sender's name of the account
    #[arg(long, env, value_name = "SENDER")]
    pub sms_from: Option<String>,
    /// Folder for texts as .json files when no account is given
    #[arg(long, env, value_name = "FOLDER", default_value = "./var/sms")]
    pub sms_folder: PathBuf,
    /// Longest that handing over one text may take, in milliseconds
    #[arg(long, env, value_name = "MS", default_value = "15000", value_parser = milliseconds)]
    pub sms_deadline: Duration,
}

impl SmsArgs {
    /// # Errors
    /// [`SetupError`] names the setting that is missing or cannot be used.
    pub fn build(&self) -> Result<SmsSender, SetupError> {
        let (sid, token, from) = (&self.sms_account_sid, &self.sms_auth_token, &self.sms_from);
        let account = match (given(sid.as_deref()), given(token.as_deref()), given(from.as_deref())) {
            (Some(sid), Some(token), Some(from)) => {
                Account { sid: sid.to_owned(), auth_token: token.to_owned(), from: from.to_owned() }
            }
            (None, None, _) => {
                let folder = self.sms_folder.display();
                tracing::warn!(%folder, "no SMS_ACCOUNT_SID: texts are written to a folder, nobody gets them");
                return SmsSender::folder(&self.sms_folder);
            }
            (None, _, _) => {
                return Err(SetupError::option("SMS_ACCOUNT_SID", "is missing beside the other SMS settings"));
            }
            (_, None, _) => return Err(SetupError::option("SMS_AUTH_TOKEN", "is missing beside SMS_ACCOUNT_SID")),
            (_, _, None) => return Err(SetupError::option("SMS_FROM", "is missing beside SMS_ACCOUNT_SID")),
        };
        tracing::info!(api = self.sms_api_url, from = account.from, "texts are sent over HTTP");
        TwilioSms::new(&self.sms_api_url, account, self.sms_deadline).map(SmsSender::Twilio)
    }
}

/// Where push messages go.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Push")]
pub struct PushArgs {
    /// Address of FCM's HTTP v1 API
    #[arg(long, env, value_name = "URL", default_value = "https://fcm.googleapis.com")]
    pub push_api_url: String,
    /// Key file (JSON) of a Google service account that may send. Without it, messages are written to the push folder
    #[arg(long, env, value_name = "FILE")]
    pub push_credentials_file: Option<PathBuf>,
    /// Folder for messages as .json files when no key file is given
    #[arg(long, env, value_name = "FOLDER", default_value = "./var/push")]
    pub push_folder: PathBuf,
    /// Longest that handing over one message may take, in milliseconds
    #[arg(long, env, value_name = "MS", default_value = "15000", value_parser = milliseconds)]
    pub push_deadline: Duration,
}

impl PushArgs {
    /// # Errors
    /// [`SetupError`] names the setting that cannot be used.
    pub fn build(&self) -> Result<PushSender, SetupError> {
        let Some(file) = &self.push_credentials_file else {
            let folder = self.push_folder.display();
            tracing::warn!(%folder, "no PUSH_CREDENTIALS_FILE: push messages are written to a folder, nobody gets them");
            return PushSender::folder(&self.push_folder);
        };
        let account = ServiceAccount::read(file)?;
        tracing::info!(api = self.push_api_url, project = account.project_id, "push messages are sent over HTTP");
        FcmPush::new(&self.push_api_url, account, self.push_deadline).map(PushSender::Fcm)
    }
}

/// The payment gateway: one over HTTP, or the simulated one, where orders with a test token (tok_visa, tok_declined, …) ignore the
/// rates. Holds a key, so it has no `Debug`.
#[derive(Args, Clone)]
#[command(next_help_heading = "Payment gateway")]
pub struct GatewayArgs {
    /// Address of the gateway's API (POST /v1/charges, POST /v1/refunds). Without it, the gateway is simulated
    #[arg(long, env, value_name = "URL")]
    pub payment_api_url: Option<String>,
    /// The account's secret
    #[arg(long, env, hide_env_values = true, value_name = "KEY")]
    pub payment_api_key: Option<String>,
    /// Currency of the shop, as the gateway names it
    #[arg(long, env, value_name = "CODE", default_value = "usd")]
    pub payment_currency: String,
    /// Longest that the gateway may take for one answer, in milliseconds
    #[arg(long, env, value_name = "MS", default_value = "15000", value_parser = milliseconds)]
    pub payment_api_deadline: Duration,
    /// Simulated: share of payments that are declined, from 0 to 1
    #[arg(long, env, value_name = "RATE", default_value_t)]
    pub gateway_decline_rate: Rate,
    /// Simulated: share of attempts that fail, from 0 to 1; in half of them the money is taken and only the answer is lost
    #[arg(long, env, value_name = "RATE", default_value_t)]
    pub gateway_error_rate: Rate,
    /// Simulated: time an answer takes in milliseconds, fastest..slowest
    #[arg(long, env, value_name = "MS..MS", default_value = "0..0")]
    pub gateway_latency: Latency,
    /// Simulated: number from which declines, errors and latencies are drawn: the same seed, the same outcome for the same order
    #[arg(long, env, value_name = "NUMBER", default_value = "1")]
    pub gateway_seed: u64,
    /// Simulated: where results of payments are told that were pending (tok_pending, …), as in
    /// http://127.0.0.1:8080/api/v1/payments/webhook. Without it, nobody is told
    #[arg(long, env, value_name = "URL")]
    pub gateway_webhook_url: Option<String>,
    /// Simulated: secret that signs them, one of PAYMENT_WEBHOOK_SECRETS
    #[arg(long, env, hide_env_values = true, value_name = "SECRET")]
    pub gateway_webhook_secret: Option<String>,
    /// Simulated: how long such a payment is pending, in milliseconds
    #[arg(long, env, value_name = "MS", default_value = "1000", value_parser = milliseconds)]
    pub gateway_webhook_delay: Duration,
}

impl GatewayArgs {
    /// # Errors
    /// [`SetupError`] names the setting that is missing or cannot be used.
    pub fn build(&self) -> Result<Gateway, SetupError> {
        let Some(url) = given(self.payment_api_url.as_deref()) else { return self.simulated().map(Gateway::Simulated) };
        let key = given(self.payment_api_key.as_deref())
            .ok_or_else(|| SetupError::option("PAYMENT_API_KEY", "is missing beside PAYMENT_API_URL"))?;
        tracing::info!(api = url, "payments are taken over HTTP");
        HttpGateway::new(url, key, &self.payment_currency, self.payment_api_deadline).map(Gateway::Http)
    }

    fn simulated(&self) -> Result<SimulatedGateway, SetupError> {
        tracing::warn!(
            decline_rate = %self.gateway_decline_rate,
            error_rate = %self.gateway_error_rate,
            "the payment gateway is simulated: no money moves"
        );
        let gateway = SimulatedGateway::new(Behaviour {
            seed: self.gateway_seed,
            decline_rate: self.gateway_decline_rate,
            error_rate: self.gateway_error_rate,
            fastest: self.gateway_latency.fastest,
            slowest: self.gateway_latency.slowest,
        });
        let Some(url) = given(self.gateway_webhook_url.as_deref()) else { return Ok(gateway) };
        let secret = given(self.gateway_webhook_secret.as_deref())
            .ok_or_else(|| SetupError::option("GATEWAY_WEBHOOK_SECRET", "is missing beside GATEWAY_WEBHOOK_URL"))?;
        let secret: Secret =
            secret.parse().map_err(|error| SetupError::option("GATEWAY_WEBHOOK_SECRET", format!("{error}")))?;
        Ok(gateway.telling(ResultSender::new(url, secret, self.gateway_webhook_delay)?))
    }
}

/// A range of times in milliseconds, written `50..200`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    fastest: Duration,
    slowest: Duration,
}

impl FromStr for Latency {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let problem = "must be two whole numbers of milliseconds, the smaller first: 50..200";
        let (fastest, slowest) = text.split_once("..").ok_or(problem)?;
        let fastest = fastest.parse().map(Duration::from_millis).map_err(|_| problem)?;
        let slowest = slowest.parse().map(Duration::from_millis).map_err(|_| problem)?;
        if fastest <= slowest { Ok(Self { fastest, slowest }) } else { Err(problem) }
    }
}

fn milliseconds(text: &str) -> Result<Duration, &'static str> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.map(Duration::from_millis).ok_or("must be a whole number of milliseconds above 0")
}

/// An empty variable counts as none: that is how compose files and shells spell "not set".
pub(super) fn given(setting: Option<&str>) -> Option<&str> {
    setting.map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
