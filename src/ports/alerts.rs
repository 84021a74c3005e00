//! Ways to the people who are told of alerts: a webhook that takes Slack's messages, or a mailbox. Called by the alert sender.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Url};
use serde_json::json;
use uuid::Uuid;

use super::http;
use super::mail::{Mail, Mailer};
use super::outbound::SetupError;
use crate::domain::Email;

const DEADLINE: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub enum Route {
    /// Incoming webhooks as Slack, Mattermost and many others take them: `{"text": "…"}`.
    Webhook {
        client: Client,
        url: Url,
    },
    Mail {
        mailer: Arc<Mailer>,
        to: Email,
    },
}

impl Route {
    /// # Errors
    /// [`SetupError`] when it is no http or https address.
    pub fn webhook(option: &'static str, text: &str) -> Result<Self, SetupError> {
        let url = Url::parse(text).map_err(|error| SetupError::option(option, error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(SetupError::option(option, "must be an http or https address"));
        }
        Ok(Self::Webhook { client: http::client(&url)?, url })
    }

    /// # Errors
    /// Why it was not delivered, without the address.
    pub async fn send(&self, id: Uuid, title: &str, body: &str) -> Result<(), String> {
        match self {
            Self::Webhook { client, url } => {
                // Slack takes <…> for its own markup
                let text = format!("*{}*\n{}", escaped(title), escaped(body));
                let request = client.post(url.clone()).timeout(DEADLINE).json(&json!({"text": text}));
                let answer = request.send().await.map_err(http::words)?;
                match answer.status() {
                    status if status.is_success() => Ok(()),
                    status => Err(format!("it answered {}", status.as_u16())),
                }
            }
            Self::Mail { mailer, to } => {
                let mail = Mail {
                    message_id: id,
                    to: to.clone(),
                    subject: format!("[order-fleet] {title}"),
                    text: body.to_owned(),
                    html: format!("<p>{}</p>", escaped(body).replace('\n', "<br>")),
                    headers: Vec::new(),
                };
                mailer.send(&mail).await.map(drop).map_err(|error| error.to_string())
            }
        }
    }
}

/// Without what is secret about it: the path of a webhook is its password.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook { url, .. } => write!(f, "webhook at {}", url.host_str().unwrap_or_default()),
            Self::Mail { to, .. } => write!(f, "mail to {}", to.masked()),
        }
    }
}

/// Where alerts go.
#[derive(Clone, Default)]
pub struct Routes {
    pub default: Vec<Route>,
    pub of_owners: BTreeMap<String, Vec<Route>>,
}

impl Routes {
    /// An owner without a route of its own is told by the default one.
    pub fn of(&self, owner: Option<&str>) -> &[Route] {
        owner.and_then(|owner| self.of_owners.get(owner)).unwrap_or(&self.default)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
