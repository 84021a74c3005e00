//! `orders audit-log`: what operators and admins did, as a table, or all of it as JSON lines.

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::client::Client;
use super::error::{Error, count};
use super::list::{LARGEST_PAGE, Paging};
use super::output::{Output, moment, printable};
use super::run::Outcome;
use crate::store::audit_log::Entry;

/// Shows what operators, admins and their programs did. For admins.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  orders audit-log list --actor operator:anna --since 2026-11-01T00:00:00Z
  orders audit-log list --target product:GADGET-01 --all
  orders audit-log export > audit.jsonl
  orders audit-log export --after 4711 >> audit.jsonl

Each entry was written in the same commit as what it tells of, and is never changed. Positions
have no gap: who has exported up to one has missed nothing before it."
)]
pub struct AuditLog {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists entries, the oldest first.
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        paging: Paging,
    },
    /// Writes entries as JSON lines, the oldest first, to the last one there is.
    Export {
        #[command(flatten)]
        filter: Filter,
        /// Only entries after this position: the last one of the export before.
        #[arg(long, value_name = "POSITION", default_value_t = 0)]
        after: i64,
    },
}

#[derive(Debug, Args)]
struct Filter {
    /// Only what this one did, as in operator:anna or service:shop-1.
    #[arg(long)]
    actor: Option<String>,
    /// Only this, as in stock.adjust.
    #[arg(long)]
    action: Option<String>,
    /// Only what was done to this, as in product:GADGET-01.
    #[arg(long)]
    target: Option<String>,
    /// At this time or later, as in 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

impl Filter {
    fn query(self) -> Vec<(&'static str, String)> {
        let Self { actor, action, target, since, until } = self;
        let all = [("actor", actor), ("action", action), ("target", target), ("since", since), ("until", until)];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

impl AuditLog {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        match self.command {
            Command::List { filter, paging } => list(filter, paging, client, output).await,
            Command::Export { filter, after } => export(filter, after, client, output).await,
        }
    }
}

async fn list(filter: Filter, paging: Paging, client: &Client, output: Output) -> Result<Outcome, Error> {
    let found = paging.fetch(client, &["audit"], &filter.query()).await?;
    if output.json {
        output.document(&json!({ "entries": found.rows, "next_cursor": found.next_cursor }))?;
        return Ok(Outcome::Success);
    }
    let mut table = output.table(&["position", "time (UTC)", "actor", "action", "target", "reason"]);
    for row in &found.rows {
        let entry: Entry = client.read(row.get())?;
        table.add_row([
            entry.position.to_string(),
            moment(entry.at),
            printable(&entry.actor),
            printable(&entry.action),
            printable(&entry.target),
            entry.reason.as_deref().map(printable).unwrap_or_default(),
        ]);
    }
    if !found.rows.is_empty() {
        output.line(&table.trim_fmt())?;
    }
    found.hint(output, "entry");
    Ok(Outcome::Success)
}

/// Page by page, so that a long log needs no memory.
async fn export(filter: Filter, after: i64, client: &Client, output: Output) -> Result<Outcome, Error> {
    #[derive(Deserialize)]
    struct Page {
        entries: Vec<Box<RawValue>>,
        next_cursor: Option<String>,
    }
    let filter = filter.query();
    let (mut cursor, mut written) = (Some(after.to_string()), 0);
    while let Some(after) = cursor {
        let mut query = filter.clone();
        query.extend([("limit", LARGEST_PAGE.to_string()), ("cursor", after)]);
        let page: Page = client.read(&client.get(&["audit"], &query).await?)?;
        for entry in &page.entries {
            output.line(entry.get())?;
        }
        written += page.entries.len();
        cursor = page.next_cursor;
    }
    output.hint(&format!("{} exported", count(written, "line")));
    Ok(Outcome::Success)
}
