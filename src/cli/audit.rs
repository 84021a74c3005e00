//! `orders audit`: the proof that nothing was lost and nothing doubled, for people and for scripts. The audit itself is
//! `crate::ops::audit`; here are its flags and its table.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use comfy_table::{Cell, CellAlignment};
use sqlx::postgres::PgConnectOptions;
use time::OffsetDateTime;

use super::args::duration;
use super::error::Error;
use super::output::{Output, moment, printable};
use super::run::Outcome;
use crate::config::BrokerArgs;
use crate::contract::read_moment_or_date;
use crate::messaging::Broker;
use crate::ops::audit::{AuditError, Explained, Options, Report, Verdict, run};
use crate::telemetry::chain;

/// Proves from the data that no order was lost and nothing happened twice. Reads only; may run at any time.
#[derive(Args)]
#[command(after_help = "Examples:
  orders audit
  orders audit --settle 2m --json | jq '.invariants[] | select(.total > 0)'
  orders audit --since 2026-01-31 --no-broker

Exit codes: 0 clean, 1 violations, 2 a flag is wrong, 3 the database or the broker
cannot be read. The audit is one read-only snapshot; its joins over whole tables
take seconds per 100,000 orders and hold no locks that a service waits for.")]
pub struct Audit {
    /// Waits up to so long, as in 30s or 2m, until no order runs and no message waits, then judges without grace.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    settle: Option<Duration>,
    /// Judges only orders created since, as in 2026-01-31 or 2026-01-31T12:00:00Z (stock is always judged as a whole).
    #[arg(long, value_name = "TIME", value_parser = read_moment_or_date)]
    since: Option<OffsetDateTime>,
    /// How long after a change its messages may be on their way.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    grace: Duration,
    /// How long an order may wait in one step, however often its deadline was put off.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60m")]
    patience: Duration,
    /// Longest time for one question to the database.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "5m")]
    statement_timeout: Duration,
    /// Most violations listed per invariant; the total is always told.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Leaves the queues out: without a broker, or without its password.
    #[arg(long)]
    no_broker: bool,
    /// PostgreSQL, as in postgres://user:password@host:5432/database. Reading rights are enough.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// RabbitMQ, as in amqp://user:password@host:5672/vhost.
    #[arg(long, env = "AMQP_URL", hide_env_values = true, value_name = "URL", required_unless_present = "no_broker")]
    amqp_url: Option<String>,
}

/// Without the addresses: they hold passwords.
impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audit").field("settle", &self.settle).field("since", &self.since).finish_non_exhaustive()
    }
}

impl Audit {
    /// # Errors
    /// [`Error::Input`] for an address that cannot be read; [`Error::CannotAudit`] when a server is away.
    pub async fn run(self, output: Output) -> Result<Outcome, Error> {
        let url = self.database_url.as_deref().filter(|url| !url.is_empty());
        let url = url.ok_or_else(|| Error::Input("audit needs --database-url or DATABASE_URL".to_owned()))?;
        let database: PgConnectOptions = url.parse().map_err(|_| {
            Error::Input("--database-url must look like postgres://user:password@host:5432/database".to_owned())
        })?;
        let broker = match self.amqp_url.as_deref().filter(|url| !self.no_broker && !url.is_empty()) {
            Some(url) => {
                let args = BrokerArgs { amqp_url: url.to_owned() };
                Some(Broker::new(&args, NAME).map_err(|error| Error::Input(chain(&error)))?)
            }
            None if self.no_broker => None,
            None => return Err(Error::Input("audit needs --amqp-url, AMQP_URL or --no-broker".to_owned())),
        };
        let options = Options {
            since: self.since,
            settle: self.settle,
            grace: self.grace,
            patience: self.patience,
            statement_timeout: self.statement_timeout,
            limit: self.limit,
        };
        let report = run(&database.application_name(NAME), broker.as_ref(), &options).await.map_err(failure)?;
        if output.json {
            output.document(&report)?;
        } else {
            output.line(page(&report, output, self.limit).trim_end())?;
        }
        Ok(if report.clean { Outcome::Success } else { Outcome::Unsuccessful })
    }
}

/// What `pg_stat_activity` and the broker's pages show.
const NAME: &str = "orders-audit";

fn failure(error: AuditError) -> Error {
    let what = match &error {
        AuditError::Deadline | AuditError::Database(_) => "the database (DATABASE_URL)",
        AuditError::Queues(_) => "the broker (AMQP_URL)",
    };
    Error::CannotAudit { what, cause: chain(&error) }
}

fn page(report: &Report, output: Output, limit: usize) -> String {
    let mut page = format!("{}\n\n", headline(report, output));
    let mut table = output.table(&["invariant", "checked", "violations", "what it says"]);
    for verdict in &report.invariants {
        let number = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        let checked = verdict.checked.map_or_else(|| "not judged".to_owned(), |checked| checked.to_string());
        table.add_row([
            Cell::new(verdict.name),
            number(checked),
            number(verdict.total.to_string()),
            Cell::new(verdict.explanation),
        ]);
    }
    page.push_str(&format!("{}\n", table.trim_fmt()));
    for verdict in report.invariants.iter().filter(|verdict| verdict.total > 0) {
        page.push_str(&list(verdict, output));
    }
    page.push_str(&explained(&report.explained, output, limit));
    page
}

fn headline(report: &Report, output: Output) -> String {
    let total = report.total();
    let verdict = match total {
        0 => output.good("clean"),
        1 => output.bad("1 violation"),
        _ => output.bad(&format!("{total} violations")),
    };
    let mut line = format!("{verdict}: {} orders judged at {} UTC", report.orders, moment(report.at));
    if let Some(since) = report.since {
        // Writing into a String cannot fail.
        let _ = write!(line, ", created since {}", moment(since));
    }
    if let Some(settled) = report.settled {
        let state = if settled.quiet { "quiet" } else { "not quiet" };
        let _ = write!(line, ", {state} after {:.1} s", settled.waited_seconds);
    }
    line
}

fn list(verdict: &Verdict, output: Output) -> String {
    let mut section = format!("\n{}\n", output.bold(verdict.name));
    for violation in &verdict.violations {
        section.push_str(&format!("  {}\n", printable(&violation.to_string())));
    }
    section.push_str(&more(verdict.total, verdict.violations.len()));
    section
}

fn more(total: i64, listed: usize) -> String {
    match usize::try_from(total).unwrap_or(usize::MAX).saturating_sub(listed) {
        0 => String::new(),
        more => format!("  and {more} more (--limit)\n"),
    }
}

/// What looks unfinished and is no violation.
fn explained(explained: &Explained, output: Output, limit: usize) -> String {
    let activity = explained.activity;
    let mut lines: Vec<String> = [
        (activity.waiting_orders, "accepted orders wait for the order-processor"),
        (activity.running_sagas, "orders are in progress"),
        (activity.outbox, "messages wait in the outbox"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, text)| format!("{number} {text}"))
    .collect();
    lines.extend(explained.dead_letters.iter().map(|letters| {
        let queue = if letters.queue.is_empty() { "no known queue" } else { &letters.queue };
        format!("{} dead letters of {queue}: {} ({})", letters.number, letters.reason, letters.state)
    }));
    lines.extend(explained.parked.iter().map(ToString::to_string));
    let hidden = more(explained.parked_total, explained.parked.len().min(limit));
    lines.extend((!hidden.is_empty()).then(|| hidden.trim().to_owned()));
    lines.extend(explained.in_flight.iter().map(|violation| format!("on its way: {violation}")));
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines.iter().map(|line| format!("  {}\n", printable(line))).collect();
    format!("\n{}\n{lines}", output.bold("Explained"))
}
