//! `orders payment` and `orders refund`: what was paid for an order, and given back.

use clap::Args;
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::output::{Output, moment, printable};
use super::run::Outcome;
use super::stock::right;
use crate::domain::Money;

/// Shows the payment of an order with every call to the gateway.
#[derive(Debug, Args)]
#[command(
    visible_alias = "payments",
    after_help = "Examples:
  orders payment 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001
  orders payment 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --json | jq '.attempts'"
)]
pub struct Payment {
    /// The order's id, as `submit` and `list` show it.
    id: Uuid,
}

/// Gives the money of a paid order back, in full; the order stays what it is.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  orders refund 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --reason \"arrived broken\"

Asked twice, the money is given back once. `orders cancel` gives it back by itself.")]
pub struct Refund {
    /// The order's id, as `submit` and `list` show it.
    id: Uuid,
    /// Why, for the order's history and the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    status: Option<String>,
    amount: Option<Money>,
    reference: Option<String>,
    decline_code: Option<String>,
    refund: Option<Asked>,
    #[serde(default)]
    attempts: Vec<Attempt>,
}

#[derive(Debug, Deserialize)]
struct Asked {
    reason: String,
    requested_by: String,
    #[serde(with = "time::serde::rfc3339")]
    requested_at: OffsetDateTime,
}

#[derive(Debug, Deserialize)]
struct Attempt {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    call: String,
    attempt: Option<u32>,
    outcome: String,
    reference: Option<String>,
    detail: Option<String>,
}

impl Payment {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let body = client.get(&["orders", &self.id.to_string(), "payment"], &[]).await?;
        show(&body, client, output)
    }
}

impl Refund {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let path = ["orders", &self.id.to_string(), "refund"];
        let answer = client.post(&path, json!({ "reason": self.reason }).to_string(), None).await?;
        show(&answer.body, client, output)
    }
}

fn show(body: &str, client: &Client, output: Output) -> Result<Outcome, Error> {
    match output.json {
        true => output.line(body.trim_end())?,
        false => client.read::<Page>(body)?.show(output)?,
    }
    Ok(Outcome::Success)
}

impl Page {
    fn show(&self, output: Output) -> Result<(), Error> {
        let amount = self.amount.map(|amount| amount.to_string()).unwrap_or_default();
        let status = self.status.as_deref().unwrap_or("not yet answered");
        let line = |name: &str, value: &str| output.line(&format!("{name:<10} {}", printable(value)));
        line("payment", &format!("{status}  {amount}"))?;
        for (name, value) in [("reference", &self.reference), ("declined", &self.decline_code)] {
            if let Some(value) = value {
                line(name, value)?;
            }
        }
        if let Some(Asked { reason, requested_by, requested_at }) = &self.refund {
            line("refund", &format!("asked for {} by {requested_by}: {reason}", moment(*requested_at)))?;
        }
        let mut table = output.table(&["at (UTC)", "call", "attempt", "outcome", "reference", "detail"]);
        for attempt in &self.attempts {
            let text = |text: &Option<String>| text.as_deref().map(printable).unwrap_or_default();
            table.add_row([
                moment(attempt.at).into(),
                printable(&attempt.call).into(),
                right(attempt.attempt.map(|number| number.to_string()).unwrap_or_default()),
                printable(&attempt.outcome).into(),
                text(&attempt.reference).into(),
                text(&attempt.detail).into(),
            ]);
        }
        if !self.attempts.is_empty() {
            output.line(&table.trim_fmt())?;
        }
        Ok(())
    }
}
