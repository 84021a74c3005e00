//! `orders outbox`: messages that the broker does not want, and another turn for them.

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::client::Client;
use super::error::{Error, count};
use super::list::Paging;
use super::output::{Output, printable};
use super::run::Outcome;
use crate::contract::status::{ParkedMessage, span};

/// Lists the messages that could not be published, and publishes them again.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  orders outbox list
  orders outbox retry 4711 4712
  orders outbox retry --all

A message is parked when the broker returns or refuses it: usually an exchange or a
queue is missing, and `setup` mends it. Parked messages get another turn by themselves
every 30 seconds; `retry` gives it at once."
)]
pub struct Outbox {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists parked messages with the reason, the oldest first.
    #[command(after_help = "Examples:
  orders outbox list
  orders outbox list --all --json | jq -r '.messages[] | [.id, .reason] | @tsv'")]
    List(Paging),
    /// Gives parked messages another turn.
    #[command(after_help = "Examples:
  orders outbox retry 4711 4712
  orders outbox retry --all

Exits with 1 when one of the ids is not parked (any more).")]
    Retry {
        /// Ids, as `orders outbox list` shows them.
        #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<i64>,
        /// Every parked message.
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, Deserialize)]
struct Retried {
    retried: u64,
    #[serde(default)]
    not_parked: Vec<i64>,
}

impl Outbox {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        match self.command {
            Command::List(paging) => list(paging, client, output).await,
            Command::Retry { ids, all } => retry(&ids, all, client, output).await,
        }
    }
}

async fn list(paging: Paging, client: &Client, output: Output) -> Result<Outcome, Error> {
    let found = paging.fetch(client, &["outbox", "parked"], &[]).await?;
    if output.json {
        output.document(&json!({ "messages": found.rows, "next_cursor": found.next_cursor }))?;
        return Ok(Outcome::Success);
    }
    let mut table = output.table(&["id", "waits", "type", "exchange", "routing key", "reason"]);
    for row in &found.rows {
        let message: ParkedMessage = client.read(row.get())?;
        let text = |text: Option<String>| text.as_deref().map(printable).unwrap_or_default();
        table.add_row([
            message.id.to_string(),
            span(message.age_seconds),
            text(message.kind),
            text(message.exchange),
            text(message.routing_key),
            printable(&message.reason),
        ]);
    }
    if !found.rows.is_empty() {
        output.line(&table.trim_fmt())?;
    }
    found.hint(output, "parked message");
    Ok(Outcome::Success)
}

async fn retry(ids: &[i64], all: bool, client: &Client, output: Output) -> Result<Outcome, Error> {
    let chosen = if all { json!({ "all": true }) } else { json!({ "ids": ids }) };
    let answer = client.post(&["outbox", "retries"], chosen.to_string(), None).await?;
    let Retried { retried, not_parked } = client.read(&answer.body)?;
    if output.json {
        output.line(answer.body.trim_end())?;
    } else {
        let messages = count(usize::try_from(retried).unwrap_or(usize::MAX), "message");
        output.line(&format!("another turn for {messages}; `orders outbox list` shows what comes back"))?;
        for id in &not_parked {
            output.line(&format!("{id}  {}", output.bad("not parked")))?;
        }
    }
    Ok(if not_parked.is_empty() { Outcome::Success } else { Outcome::Unsuccessful })
}
