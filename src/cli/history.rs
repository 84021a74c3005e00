//! `orders history`: every change of an order, with who, when, why, and the message or request that caused it.

use clap::Args;
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::client::Client;
use super::error::{Error, count};
use super::output::{Output, moment, printable};
use super::run::Outcome;
use crate::domain::OrderStatus;

/// Shows everything that happened to an order: when, what, by whom, why, and caused by what.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  orders history 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001
  orders history 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --json | jq -r '.history[] | [.at, .event, .actor] | @tsv'

The cause is a message's id, or the correlation id of the request that somebody made; the logs have both.")]
pub struct History {
    /// The order's id, as `submit` and `list` show it.
    id: Uuid,
}

#[derive(Debug, Deserialize)]
struct Page {
    history: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    event: String,
    status: OrderStatus,
    step: Option<String>,
    detail: Option<String>,
    actor: Option<String>,
    message_id: Option<Uuid>,
    correlation_id: Option<String>,
}

impl History {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let body = client.get(&["orders", &self.id.to_string(), "history"], &[]).await?;
        if output.json {
            output.line(body.trim_end())?;
            return Ok(Outcome::Success);
        }
        let Page { history } = client.read(&body)?;
        let mut table = output.table(&["at (UTC)", "event", "status", "step", "by", "why", "cause"]);
        for entry in &history {
            let text = |text: &Option<String>| text.as_deref().map(printable).unwrap_or_default();
            let cause = entry.message_id.map(|id| id.to_string()).or_else(|| entry.correlation_id.clone());
            table.add_row([
                moment(entry.at).into(),
                printable(&entry.event).into(),
                output.status_cell(entry.status),
                text(&entry.step).into(),
                text(&entry.actor).into(),
                text(&entry.detail).into(),
                text(&cause).into(),
            ]);
        }
        if !history.is_empty() {
            output.line(&table.trim_fmt())?;
        }
        output.hint(&count(history.len(), "change"));
        Ok(Outcome::Success)
    }
}
