//! The flags that every command shares, and the list of commands. Each command's own flags live in the file of the command.

use std::time::Duration;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use super::{
    audit, audit_log, bench, change, get, history, import, keys, list, note, outbox, payment, products, resolve, stats,
    status, stock, submit, watch, webhooks,
};

/// Longest wait for one answer: well above what a busy order-api takes, short enough for a person.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Where order-api listens unless told otherwise.
const API_URL: &str = "http://127.0.0.1:8080";
/// Heading of the flags that every command takes.
const COMMON: &str = "Options of every command";

/// Places orders, follows them until they are final, keeps products, stock and payments, shows how the fleet is.
#[derive(Debug, Parser)]
#[command(
    name = "orders",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Examples:
  orders submit --customer c-17 --email ada@shop.example --item GADGET-01:2 --watch
  orders submit --jsonl orders.jsonl
  orders watch 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001
  orders cancel 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --reason \"ordered twice\"
  orders list --status failed --all --json | jq -r '.orders[].id'
  orders status --watch

Exit codes:
  0  done; with --watch or `watch`: every order is confirmed, shipped or delivered; `status`: the fleet is healthy
  1  the API refused, an order failed or was cancelled, the audit found a violation, or `status` found something wrong
  2  the input or a flag is wrong; nothing was sent
  3  the API (with --amqp the broker, with `audit` broker or database) cannot be reached"
)]
pub struct Args {
    /// Address of order-api.
    #[arg(long, global = true, help_heading = COMMON, env = "ORDERS_API_URL", value_name = "URL", default_value = API_URL)]
    #[arg(hide_env_values = true)]
    pub api_url: String,
    /// What proves to order-api who calls: a token, as `order-api token` mints it, or an API key.
    #[arg(long, global = true, help_heading = COMMON, env = "ORDERS_TOKEN", value_name = "TOKEN")]
    #[arg(hide_env_values = true)]
    pub access_token: Option<String>,
    /// Longest wait, as in 500ms, 10s or 2m: for each answer [default: 10s]; with `watch` and --watch, for the orders to
    /// become final [default: 5m].
    #[arg(long, global = true, help_heading = COMMON, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Writes one JSON document to stdout (bulk submit and watch: JSON lines); errors become one JSON line on stderr.
    #[arg(long, global = true, help_heading = COMMON)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

impl Args {
    /// An empty variable counts as none.
    pub fn api_url(&self) -> &str {
        if self.api_url.is_empty() { API_URL } else { &self.api_url }
    }

    /// An empty variable counts as none.
    pub fn access_token(&self) -> Option<&str> {
        self.access_token.as_deref().map(str::trim).filter(|token| !token.is_empty())
    }

    /// The deadline of one request.
    pub fn request_timeout(&self) -> Duration {
        match &self.command {
            // Here the flag means the whole watching.
            Command::Watch(_) => REQUEST_TIMEOUT,
            Command::Submit(submit) if submit.watch => REQUEST_TIMEOUT,
            Command::Submit(_)
            | Command::Get(_)
            | Command::List(_)
            | Command::Cancel(_)
            | Command::Ship(_)
            | Command::Deliver(_)
            | Command::Resolve(_)
            | Command::History(_)
            | Command::Note(_)
            | Command::Products(_)
            | Command::Stock(_)
            | Command::Import(_)
            | Command::Payment(_)
            | Command::Refund(_)
            | Command::Stats(_)
            | Command::Status(_)
            | Command::Outbox(_)
            | Command::Webhooks(_)
            | Command::Keys(_)
            | Command::Audit(_)
            | Command::AuditLog(_)
            | Command::Bench(_)
            | Command::Completions { .. } => self.timeout.unwrap_or(REQUEST_TIMEOUT),
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Submit(Box<submit::Submit>),
    Get(get::Get),
    List(list::List),
    Watch(watch::Watch),
    Cancel(change::Cancel),
    Ship(change::Ship),
    Deliver(change::Deliver),
    Resolve(resolve::Resolve),
    History(history::History),
    Note(note::NoteArgs),
    Payment(payment::Payment),
    Refund(payment::Refund),
    Products(Box<products::Products>),
    Stock(Box<stock::Stock>),
    Import(import::Import),
    Stats(stats::Stats),
    Status(status::StatusArgs),
    Outbox(outbox::Outbox),
    Webhooks(webhooks::Webhooks),
    Keys(keys::Keys),
    Audit(Box<audit::Audit>),
    AuditLog(audit_log::AuditLog),
    Bench(Box<bench::Bench>),
    /// Writes a completion script for a shell.
    #[command(after_help = "Examples:
  orders completions bash > ~/.local/share/bash-completion/completions/orders
  orders completions zsh > \"${fpath[1]}/_orders\"
  orders completions fish > ~/.config/fish/completions/orders.fish")]
    Completions {
        shell: Shell,
    },
}

/// Reads `10`, `10s`, `1.5s`, `500ms` or `2m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a time above zero, as in 500ms, 10s or 2m".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        _ => return Err(wrong()),
    };
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    match Duration::try_from_secs_f64(number * seconds) {
        Ok(time) if !time.is_zero() => Ok(time),
        Ok(_) | Err(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_of_all_commands_agree_with_each_other() {
        Args::command().debug_assert();
    }

    #[test]
    fn times_are_read_with_and_without_a_unit() {
        for (text, milliseconds) in [("10", 10_000), ("10s", 10_000), ("1.5s", 1_500), ("500ms", 500), ("2m", 120_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for bad in ["", "s", "0", "-1", "10 s", "1h", "1e99", "inf", "NaN"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
