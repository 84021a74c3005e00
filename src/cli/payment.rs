//! `orders payment`: what was paid for an order, and its refund.

use clap::{Args, Subcommand};
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

/// Shows the payment of an order with every call to the gateway, and gives the money back.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  orders payment show 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001
  orders payment refund 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --reason \"arrived broken\""
)]
pub struct Payment {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the payment of an order.
    #[command(after_help = "Examples:
  orders payment show 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001
  orders payment show 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --json | jq '.attempts'")]
    Show {
        /// The order's id.
        id: Uuid,
    },
    /// Gives the money of a paid order back, in full. The order stays what it is; asked twice, it is given back once.
    #[command(after_help = "Example:
  orders payment refund 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --reason \"arrived broken\"")]
    Refund {
        /// The order's id.
        id: Uuid,
        /// Why, for the order's history.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Deserialize)]
struct Page {
    status: Option<String>,
    amount: Option<Money>,
    reference: Option<String>,
    decline_code: Option<String>,
    refund: Option<Refund>,
    #[serde(default)]
    attempts: Vec<Attempt>,
}

#[derive(Debug, Deserialize)]
struct Refund {
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
        let body = match self.command {
            Command::Show { id } => client.get(&["orders", &id.to_string(), "payment"], &[]).await?,
            Command::Refund { id, reason } => {
                let path = ["orders", &id.to_string(), "refund"];
                client.post(&path, json!({ "reason": reason }).to_string(), None).await?.body
            }
        };
        match output.json {
            true => output.line(body.trim_end())?,
            false => client.read::<Page>(&body)?.show(output)?,
        }
        Ok(Outcome::Success)
    }
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
        if let Some(Refund { reason, requested_by, requested_at }) = &self.refund {
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
