//! `orders webhooks ping`, `deliveries` and `resend`: what was sent to an endpoint, and sending it again.

use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::client::Client;
use super::super::error::{Error, count};
use super::super::list::Paging;
use super::super::output::{Output, moment, printable};
use super::super::run::Outcome;
use super::post;
use crate::contract::read_moment;
use crate::domain::webhook::DeliveryState;

/// Longest wait for the outcome of a ping: above the longest call that webhook-service makes by default.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

/// Sends a test event and tells what came of it. Also while the endpoint is paused or disabled.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  orders webhooks ping 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 && echo it answers

Exits with 1 when the endpoint did not take it.")]
pub(super) struct Ping {
    /// The endpoint's id.
    id: Uuid,
    /// Does not wait for the outcome.
    #[arg(long)]
    no_wait: bool,
}

/// Lists what was sent to an endpoint, the newest first; with a second id, each attempt of that delivery.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  orders webhooks deliveries 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --state failed
  orders webhooks deliveries 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 4f0f2c1e-5d0b-5a53-9a0d-6a1b1c2d3e4f")]
pub(super) struct Deliveries {
    /// The endpoint's id.
    id: Uuid,
    /// One delivery's id.
    #[arg(conflicts_with_all = ["state", "event_type", "since", "until", "limit", "cursor", "all"])]
    delivery: Option<Uuid>,
    /// Only deliveries that stand so.
    #[arg(long, value_parser = states())]
    state: Option<DeliveryState>,
    /// Only events of this type.
    #[arg(long = "event", value_name = "TYPE")]
    event_type: Option<String>,
    /// Made from this time on, RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<String>,
    /// Made before this time.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

/// Sends one delivery again, or all that the endpoint missed in a time; what it has taken is left out of a range.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  orders webhooks resend 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 4f0f2c1e-5d0b-5a53-9a0d-6a1b1c2d3e4f
  orders webhooks resend 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --since 2026-11-21T08:00:00Z --until 2026-11-21T12:00:00Z")]
pub(super) struct Resend {
    /// The endpoint's id.
    id: Uuid,
    /// One delivery's id; it is sent although it may have succeeded.
    #[arg(conflicts_with_all = ["since", "until"], required_unless_present = "since")]
    delivery: Option<Uuid>,
    /// Events recorded from this time on, RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<String>,
    /// Events recorded before this time [default: now].
    #[arg(long, value_name = "TIME", value_parser = instant, requires = "since")]
    until: Option<String>,
}

fn states() -> impl TypedValueParser<Value = DeliveryState> {
    PossibleValuesParser::new(DeliveryState::ALL.map(DeliveryState::as_str))
        .try_map(|name| name.parse::<DeliveryState>())
}

fn instant(text: &str) -> Result<String, &'static str> {
    read_moment(text).map(|_| text.to_owned())
}

#[derive(Debug, Deserialize)]
struct Delivery {
    id: Uuid,
    event_type: String,
    state: String,
    attempts: i64,
    last_status: Option<i64>,
    last_error: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(default)]
    log: Vec<Attempt>,
}

#[derive(Debug, Deserialize)]
struct Attempt {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    duration_ms: i64,
    status: Option<i64>,
    error: Option<String>,
    response: Option<String>,
}

impl Ping {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let mut body = post(client, self.id, "ping", json!({})).await?;
        let mut delivery: Delivery = client.read(&body)?;
        let path = ["webhooks", &self.id.to_string(), "deliveries", &delivery.id.to_string()].map(str::to_owned);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let until = Instant::now() + PATIENCE;
        while !self.no_wait && delivery.attempts == 0 {
            if Instant::now() > until {
                return Err(Error::Unsuccessful(
                    "the ping has not been sent yet: does webhook-service run?".to_owned(),
                ));
            }
            tokio::time::sleep(PAUSE).await;
            body = client.get(&path, &[]).await?;
            delivery = client.read(&body)?;
        }
        match output.json {
            true => output.line(body.trim_end())?,
            false => match delivery.log.last() {
                Some(attempt) => output.line(&attempt.told())?,
                None => output.line(&format!("on its way  {}", delivery.id))?,
            },
        }
        let answered = self.no_wait || delivery.state == DeliveryState::Delivered.as_str();
        Ok(if answered { Outcome::Success } else { Outcome::Unsuccessful })
    }
}

impl Deliveries {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let endpoint = self.id.to_string();
        if let Some(delivery) = self.delivery {
            let body = client.get(&["webhooks", &endpoint, "deliveries", &delivery.to_string()], &[]).await?;
            return print_one(&body, client, output);
        }
        let filter: Vec<(&str, String)> = [
            ("state", self.state.map(|state| state.to_string())),
            ("event_type", self.event_type),
            ("since", self.since),
            ("until", self.until),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
        let found = self.paging.fetch(client, &["webhooks", &endpoint, "deliveries"], &filter).await?;
        if output.json {
            output.document(&json!({ "deliveries": found.rows, "next_cursor": found.next_cursor }))?;
            return Ok(Outcome::Success);
        }
        let mut table = output.table(&["id", "made (UTC)", "event", "state", "attempts", "status", "error"]);
        for row in &found.rows {
            let delivery: Delivery = client.read(row.get())?;
            table.add_row([
                delivery.id.to_string(),
                moment(delivery.created_at),
                printable(&delivery.event_type),
                delivery.state,
                delivery.attempts.to_string(),
                delivery.last_status.map(|status| status.to_string()).unwrap_or_default(),
                delivery.last_error.as_deref().map(printable).unwrap_or_default(),
            ]);
        }
        if !found.rows.is_empty() {
            output.line(&table.trim_fmt())?;
        }
        found.hint(output, "row");
        Ok(Outcome::Success)
    }
}

fn print_one(body: &str, client: &Client, output: Output) -> Result<Outcome, Error> {
    if output.json {
        output.line(body.trim_end())?;
        return Ok(Outcome::Success);
    }
    let delivery: Delivery = client.read(body)?;
    output.line(&format!("{}  {}  {}", delivery.id, printable(&delivery.event_type), delivery.state))?;
    for attempt in &delivery.log {
        output.line(&format!("  {}  {}", moment(attempt.at), attempt.told()))?;
        let response = attempt.response.as_deref().filter(|_| attempt.error.is_some()).unwrap_or_default();
        if !response.is_empty() {
            output.line(&format!("    {}", output.dim(&printable(response))))?;
        }
    }
    Ok(Outcome::Success)
}

impl Attempt {
    fn told(&self) -> String {
        let what = match (&self.error, self.status) {
            (Some(error), _) => printable(error),
            (None, Some(status)) => format!("delivered, {status}"),
            (None, None) => "delivered".to_owned(),
        };
        format!("{what}, {} ms", self.duration_ms)
    }
}

impl Resend {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        #[derive(Deserialize)]
        struct Resent {
            resent: usize,
            skipped: usize,
            next_cursor: Option<String>,
        }
        if let Some(delivery) = self.delivery {
            let path = ["webhooks", &self.id.to_string(), "deliveries", &delivery.to_string(), "resend"];
            let body = client.post(&path, json!({}).to_string(), None).await?.body;
            match output.json {
                true => output.line(body.trim_end())?,
                false => output.line(&format!("sent again  {delivery}"))?,
            }
            return Ok(Outcome::Success);
        }
        // the end stays the same over all pages, or events of today would be sent again for ever
        let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        let mut range = json!({ "since": self.since, "until": self.until.unwrap_or(now) });
        let (mut resent, mut skipped) = (0, 0);
        loop {
            let page: Resent = client.read(&post(client, self.id, "resend", range.clone()).await?)?;
            resent += page.resent;
            skipped += page.skipped;
            match page.next_cursor {
                Some(cursor) => range["cursor"] = json!(cursor),
                None => break,
            }
        }
        if output.json {
            output.document(&json!({ "resent": resent, "skipped": skipped }))?;
        } else {
            let taken = count(skipped, "event");
            output.line(&format!("{} sent again; {taken} skipped, taken before", count(resent, "event")))?;
        }
        Ok(Outcome::Success)
    }
}
