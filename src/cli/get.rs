//! `orders get`: one order as a page for people, or as the API's own document. The page's shape is also what `watch` reads.

use std::fmt::Write;

use clap::Args;
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::output::{Output, clock, moment, printable};
use super::run::Outcome;
use crate::domain::{Order, OrderStatus};

/// Shows one order: its items, where it stands and, with --timeline, what happened to it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  orders get 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001
  orders get 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --timeline
  orders get 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --json | jq '.timeline'")]
pub struct Get {
    /// The order's id, as `submit` and `list` show it.
    id: Uuid,
    /// Also shows every event with its time and the time since the order was placed.
    #[arg(long)]
    timeline: bool,
}

/// The body of `GET /api/v1/orders/{id}`.
#[derive(Debug, Deserialize)]
pub struct OrderPage {
    #[serde(flatten)]
    pub order: Order,
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    pub saga: Option<Saga>,
    #[serde(default)]
    pub timeline: Vec<Event>,
    /// The customer's page; a path where the API does not know its public address.
    #[serde(default)]
    pub tracking_url: Option<String>,
}

/// What the order waits for.
#[derive(Debug, Deserialize)]
pub struct Saga {
    pub step: String,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub deadline: Option<OffsetDateTime>,
}

#[derive(Debug, Deserialize)]
pub struct Event {
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    pub event: String,
    pub status: OrderStatus,
    #[serde(default)]
    pub step: Option<String>,
    /// A sentence, or a small document of the event's own.
    #[serde(default)]
    pub detail: Option<serde_json::Value>,
}

impl Get {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let body = client.get(&["orders", &self.id.to_string()], &[]).await?;
        if output.json {
            output.line(body.trim_end())?;
        } else {
            let page = client.read::<OrderPage>(&body)?.render(output, self.timeline);
            output.line(page.trim_end())?;
        }
        Ok(Outcome::Success)
    }
}

impl OrderPage {
    pub fn render(&self, output: Output, timeline: bool) -> String {
        let order = &self.order;
        let mut page = String::new();
        let mut row = |label: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(page, "  {} {value}", output.dim(&format!("{label:<9}")));
        };
        row("status", &output.status(order.status));
        if let Some(reason) = &order.reason {
            row("reason", &printable(reason));
        }
        if let Some(saga) = self.saga.as_ref().filter(|_| !order.status.is_settled()) {
            row("step", &saga.describe());
        }
        if !order.priority.is_normal() {
            row("priority", order.priority.as_str());
        }
        row("customer", order.customer_id.as_str());
        row("email", order.email.as_str());
        if let Some(phone) = &order.phone {
            row("phone", phone.as_str());
        }
        row("placed", &format!("{} UTC", moment(order.created_at)));
        row("updated", &format!("{} UTC", moment(self.updated_at)));
        if let Some(shipment) = &order.shipment {
            let (carrier, number) = (printable(shipment.carrier.as_str()), shipment.tracking_number.as_str());
            row("shipped", &format!("{} UTC with {carrier}, {number}", moment(shipment.shipped_at)));
        }
        if let Some(link) = self.tracking_url.as_deref().filter(|link| !link.starts_with('/')) {
            row("page", &printable(link));
        }
        if let Some(at) = order.delivered_at {
            row("delivered", &format!("{} UTC", moment(at)));
        }
        let skus = order.items.iter().map(|item| item.sku.as_str().len()).max().unwrap_or(0);
        for (index, item) in order.items.iter().enumerate() {
            let total = item.total().map_or_else(|error| error.to_string(), |total| total.to_string());
            let label = if index == 0 { "items" } else { "" };
            row(
                label,
                &format!(
                    "{:>5} x {:<skus$}  at {:>10} = {total:>12}",
                    item.quantity,
                    item.sku.as_str(),
                    item.price.to_string()
                ),
            );
        }
        row("total", &output.bold(&order.total.to_string()));
        let title = output.bold(&format!("Order {}", order.id));
        let events = if timeline { self.render_timeline(output) } else { String::new() };
        format!("{title}\n{page}{events}")
    }

    fn render_timeline(&self, output: Output) -> String {
        let mut text = format!("{}\n", output.bold("Timeline"));
        let width = self.timeline.iter().map(|event| event.event.len()).max().unwrap_or(0);
        let started = self.timeline.first().map_or(self.order.created_at, |event| event.at);
        for event in &self.timeline {
            let since = (event.at - started).as_seconds_f64();
            let detail = match &event.detail {
                None | Some(serde_json::Value::Null) => String::new(),
                Some(serde_json::Value::String(sentence)) => printable(sentence),
                Some(document) => document.to_string(),
            };
            let step = event.step.as_deref().map(|step| format!("[{}] ", printable(step))).unwrap_or_default();
            let status = output.status(event.status);
            let padding = " ".repeat(10_usize.saturating_sub(event.status.as_str().len()));
            let line = format!(
                "  {}  {since:>+9.3}s  {:<width$}  {status}{padding}  {step}{detail}",
                clock(event.at),
                printable(&event.event)
            );
            text.push_str(line.trim_end());
            text.push('\n');
        }
        if self.timeline.is_empty() {
            text.push_str("  nothing yet\n");
        }
        text
    }
}

impl Saga {
    /// `wait_for_payment since 12:00:00.000, at most until 12:00:30.000`.
    pub fn describe(&self) -> String {
        let since = self.since.map(|at| format!(" since {}", clock(at))).unwrap_or_default();
        let until = self.deadline.map(|at| format!(", at most until {}", clock(at))).unwrap_or_default();
        format!("{}{since}{until}", printable(&self.step))
    }
}
