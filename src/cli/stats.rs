//! `orders stats`: what came in, what came out, and how fast.

use std::collections::BTreeMap;

use clap::Args;
use comfy_table::{Cell, CellAlignment};
use serde::Deserialize;
use time::OffsetDateTime;

use super::client::Client;
use super::error::Error;
use super::output::{Output, printable};
use super::run::Outcome;
use crate::domain::Money;

/// Shows orders, revenue, failures and notifications of the last minutes and days.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  orders stats
  orders stats --minutes 15 --days 7
  orders stats --json | jq '.totals.revenue'")]
pub struct Stats {
    /// How many minutes back the figures per minute go.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: u32,
    /// How many days back the figures per day go.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    days: u32,
}

#[derive(Debug, Deserialize)]
struct Statistics {
    totals: Figures,
    #[serde(default)]
    failures: BTreeMap<String, u64>,
    #[serde(default)]
    minutes: Vec<Span>,
    #[serde(default)]
    days: Vec<Span>,
    #[serde(default)]
    notifications: BTreeMap<String, u64>,
    #[serde(default)]
    events_recorded: u64,
}

#[derive(Debug, Deserialize)]
struct Span {
    #[serde(with = "time::serde::rfc3339")]
    starts_at: OffsetDateTime,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Figures {
    created: u64,
    confirmed: u64,
    failed: u64,
    cancelled: u64,
    shipped: u64,
    delivered: u64,
    revenue: Money,
    refunded: Money,
    mean_seconds_to_confirm: Option<f64>,
    max_seconds_to_confirm: Option<f64>,
}

impl Stats {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let query = [("minutes", self.minutes.to_string()), ("days", self.days.to_string())];
        let body = client.get(&["statistics"], &query).await?;
        if output.json {
            output.line(body.trim_end())?;
        } else {
            let page = client.read::<Statistics>(&body)?.render(output, self.minutes);
            output.line(page.trim_end())?;
        }
        Ok(Outcome::Success)
    }
}

impl Statistics {
    fn render(&self, output: Output, minutes: u32) -> String {
        let mut header = vec!["day"];
        header.extend(Figures::COLUMNS);
        let mut table = output.table(&header);
        let mut add = |label: String, figures: &Figures| {
            let cells = figures.cells().map(|text| Cell::new(text).set_alignment(CellAlignment::Right));
            table.add_row(std::iter::once(Cell::new(label)).chain(cells).collect::<Vec<_>>());
        };
        for day in &self.days {
            add(day.starts_at.date().to_string(), &day.figures);
        }
        add("in all".to_owned(), &self.totals);
        let mut page = format!("{}\n", table.trim_fmt());
        if let Some(chart) = self.chart() {
            let title = output.bold(&format!("Orders per minute, last {minutes} min"));
            page.push_str(&format!("\n{title}\n  {chart}\n"));
        }
        page.push_str(&section(output, "Failures by reason", &self.failures));
        page.push_str(&section(output, "Notifications by channel", &self.notifications));
        page.push_str(&format!("\n{} {}\n", output.bold("Events recorded"), self.events_recorded));
        page
    }

    /// One bar per minute, the highest being the busiest minute.
    fn chart(&self) -> Option<String> {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let busiest = self.minutes.iter().map(|minute| minute.figures.created).max().filter(|most| *most > 0)?;
        let bar = |created: u64| match created {
            0 => '·',
            some => BARS[usize::try_from((some * 7).div_ceil(busiest)).map_or(7, |height| height.min(7))],
        };
        let chart: String = self.minutes.iter().map(|minute| bar(minute.figures.created)).collect();
        Some(format!("{chart}  busiest: {busiest}"))
    }
}

fn section(output: Output, title: &str, counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return String::new();
    }
    let width = counts.keys().map(String::len).max().unwrap_or(0);
    let rows: String =
        counts.iter().map(|(name, number)| format!("  {:<width$}  {number:>8}\n", printable(name))).collect();
    format!("\n{}\n{rows}", output.bold(title))
}

impl Figures {
    const COLUMNS: [&'static str; 10] = [
        "created",
        "confirmed",
        "failed",
        "cancelled",
        "shipped",
        "delivered",
        "revenue",
        "refunded",
        "mean s",
        "max s",
    ];

    fn cells(&self) -> [String; 10] {
        let seconds = |value: Option<f64>| value.map(|value| format!("{value:.2}")).unwrap_or_default();
        [
            self.created.to_string(),
            self.confirmed.to_string(),
            self.failed.to_string(),
            self.cancelled.to_string(),
            self.shipped.to_string(),
            self.delivered.to_string(),
            self.revenue.to_string(),
            self.refunded.to_string(),
            seconds(self.mean_seconds_to_confirm),
            seconds(self.max_seconds_to_confirm),
        ]
    }
}
