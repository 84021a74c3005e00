//! `orders bench`: how fast the fleet takes orders and carries them to their end. The load generator is `crate::bench::load`; here are
//! its flags, its progress bar and its table.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use comfy_table::{Cell, CellAlignment};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Url;
use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;

use super::args::duration;
use super::client::Client;
use super::error::Error;
use super::output::{Output, printable};
use super::run::Outcome;
use crate::bench::load::{LatencySummary, LoadOptions, LoadReport, Pace, run};

/// Sends many orders over HTTP and measures: how fast they are accepted, and how fast they are final.
///
/// These are real orders: they take stock, charge the gateway and send mail. Not for a fleet that serves customers.
#[derive(Args)]
#[command(after_help = "Examples:
  orders bench --orders 10000 --products 50
  orders bench --orders 20000 --rate 500 --warm-up 1000
  orders bench --closed 128 --no-settle --json | jq .accept_latency

A closed loop (--closed) finds the highest rate: each connection waits for its
answer. A schedule (--rate) finds honest latencies: orders are due at fixed times,
and a late answer counts from when its order was due. With DATABASE_URL the ends of
the orders are read from their rows, else from the API's statistics.

Exit codes: 0 every order was accepted and is final, 1 some were not, 2 a flag is
wrong, 3 the API cannot be reached.")]
pub struct Bench {
    /// How many orders.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    orders: u64,
    /// Connections that each send one order after the other; with --rate, the most requests at once.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    closed: u16,
    /// Orders per second on a fixed schedule, instead of a closed loop.
    #[arg(long, value_name = "R", value_parser = rate)]
    rate: Option<f64>,
    /// Orders sent before, without being measured.
    #[arg(long, value_name = "N", default_value_t = 0)]
    warm_up: u64,
    /// Orders products BENCH-1 to BENCH-N, which are made if they are missing [default: products of the catalogue].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    products: Option<u32>,
    /// Payment token of every order.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Name of the run, part of every idempotency key: under the same name nothing is ordered twice [default: a new one].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Longest wait for all orders to be final and everything they caused to be consumed.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "5m")]
    settle: Duration,
    /// Does not wait for the end of the orders.
    #[arg(long, conflicts_with = "settle")]
    no_settle: bool,
    /// PostgreSQL, as in postgres://user:password@host:5432/database. Reading rights are enough.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
}

/// Without the address: it holds a password.
impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").field("orders", &self.orders).field("rate", &self.rate).finish_non_exhaustive()
    }
}

impl Bench {
    /// # Errors
    /// [`Error::Input`] for a wrong address; what the API said; [`Error::Unsuccessful`] when the run cannot be made.
    pub async fn run(
        self,
        client: &Client,
        api_url: &str,
        access_token: Option<&str>,
        timeout: Duration,
        output: Output,
    ) -> Result<Outcome, Error> {
        // the load would only count that nobody answers
        client.get(&["products"], &[("limit", "1".to_owned())]).await?;
        let options = LoadOptions { access_token: access_token.map(str::to_owned), ..self.options(api_url, timeout)? };
        let report = run(&options, |phase, length| progress(phase, length, output)).await;
        let report = report.map_err(|error| Error::Unsuccessful(format!("{error:#}")))?;
        match output.json {
            true => output.document(&report)?,
            false => output.line(render(output, &report).trim_end())?,
        }
        let all = report.accepted == report.orders;
        Ok(if all { Outcome::Success } else { Outcome::Unsuccessful })
    }

    fn options(self, api_url: &str, timeout: Duration) -> Result<LoadOptions, Error> {
        let api = Url::parse(api_url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let api = api.ok_or_else(|| Error::Input("--api-url must be as in http://127.0.0.1:8080".to_owned()))?;
        let database = match self.database_url.as_deref().filter(|url| !url.is_empty()) {
            Some(url) => Some(url.parse::<PgConnectOptions>().map_err(|_| {
                Error::Input("--database-url must look like postgres://user:password@host:5432/database".to_owned())
            })?),
            None => None,
        };
        let connections = usize::from(self.closed);
        Ok(LoadOptions {
            api,
            access_token: None,
            pace: match self.rate {
                Some(per_second) => Pace::Rate { per_second, connections },
                None => Pace::Closed { connections },
            },
            orders: self.orders,
            warm_up: self.warm_up,
            name: self.name.unwrap_or_else(|| Uuid::new_v4().simple().to_string()),
            products: self.products,
            payment_token: self.token,
            request_timeout: timeout,
            settle: (!self.no_settle).then_some(self.settle),
            database,
        })
    }
}

fn rate(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|rate| (0.1..=100_000.0).contains(rate)).ok_or("must be from 0.1 to 100000")
}

/// A bar only where somebody can see it.
fn progress(phase: &'static str, length: u64, output: Output) -> ProgressBar {
    if output.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = "{msg:20} {bar:30} {pos}/{len} orders  {per_sec}  {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style).with_message(phase)
}

fn render(output: Output, report: &LoadReport) -> String {
    let mut figures = output.table(&["", "orders", "seconds", "orders/s"]);
    let mut row = |name: &str, orders: u64, seconds: f64, rate: f64| {
        let cells = [orders.to_string(), format!("{seconds:.2}"), format!("{rate:.0}")];
        let cells = cells.map(|text| Cell::new(text).set_alignment(CellAlignment::Right));
        figures.add_row(std::iter::once(Cell::new(name)).chain(cells).collect::<Vec<_>>());
    };
    row("accepted", report.accepted, report.submit_seconds, report.accepted_per_second);
    if let Some(ended) = &report.ended {
        let orders = ended.confirmed + ended.not_confirmed;
        row("final", orders, ended.final_seconds, ended.orders_per_second);
        row("everything consumed", orders, ended.consumed_seconds, ended.consumed_per_second);
    }
    let mut latencies = output.table(&["milliseconds", "p50", "p95", "p99", "p99.9", "longest"]);
    let mut row = |name: &str, summary: Option<&LatencySummary>| {
        let Some(found) = summary else { return };
        let cells = [found.p50, found.p95, found.p99, found.p999, found.max].map(|value| format!("{value:.2}"));
        let cells = cells.map(|text| Cell::new(text).set_alignment(CellAlignment::Right));
        latencies.add_row(std::iter::once(Cell::new(name)).chain(cells).collect::<Vec<_>>());
    };
    row("accepted", report.accept_latency.as_ref());
    row("confirmed", report.ended.as_ref().and_then(|ended| ended.confirm_latency.as_ref()));
    let mut page = format!("{}\n\n{}\n\n", figures.trim_fmt(), latencies.trim_fmt());
    if let Some(ended) = report.ended.as_ref().filter(|ended| ended.not_confirmed > 0) {
        page.push_str(&format!("{} orders ended otherwise than confirmed\n", ended.not_confirmed));
    }
    if report.replayed > 0 {
        page.push_str(&format!("{} orders were accepted by an earlier run of the same name\n", report.replayed));
    }
    for (why, count) in &report.failed {
        page.push_str(&format!("{} {count} orders: {}\n", output.bad("not accepted"), printable(why)));
    }
    let loop_kind = match report.rate {
        Some(rate) => format!("{rate} orders/s on schedule"),
        None => format!("closed loop of {} connections", report.connections),
    };
    page.push_str(
        &output.dim(&format!("{loop_kind}; this command itself used {:.2} s of CPU", report.own_cpu_seconds)),
    );
    page
}
