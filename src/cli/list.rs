//! `orders list`: the newest orders as a table; with `--all` it follows the API's cursors. `products list` pages the same way.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::client::Client;
use super::error::{Error, count};
use super::output::{Output, moment, printable};
use super::run::Outcome;
use crate::domain::{CustomerId, Order, OrderStatus, Sku};

/// The API's largest page.
pub const LARGEST_PAGE: u16 = 200;

/// Lists orders, newest first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  orders list
  orders list --status failed --limit 10
  orders list --customer c-17 --from 2026-01-01 --to 2026-02-01
  orders list --sku GADGET-01 --status confirmed --text ada
  orders list --all --json | jq -r '.orders[] | [.id, .status, .total] | @tsv'")]
pub struct List {
    /// Only orders with this status.
    #[arg(long, value_parser = statuses())]
    status: Option<OrderStatus>,
    /// Only orders of this customer.
    #[arg(long, value_name = "ID", value_parser = |text: &str| CustomerId::parse(text))]
    customer: Option<CustomerId>,
    /// Only orders with a line of this product.
    #[arg(long, value_parser = |text: &str| Sku::parse(text))]
    sku: Option<Sku>,
    /// Only orders placed then or later: 2026-01-31, or 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only orders placed before.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only orders with words that begin so: customer, e-mail, phone, metadata, tracking number, notes. Or an order's id.
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

/// How much of a list is wanted.
#[derive(Debug, Args)]
pub struct Paging {
    /// Rows of one page, at most 200.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=i64::from(LARGEST_PAGE)))]
    limit: u16,
    /// Goes on where an earlier page ended.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Every page, not only the first.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

fn statuses() -> impl TypedValueParser<Value = OrderStatus> {
    PossibleValuesParser::new(OrderStatus::ALL.map(OrderStatus::as_str)).try_map(|name| name.parse::<OrderStatus>())
}

/// Rows as the API wrote them, so that `--json` passes on fields that are newer than this client.
pub struct Rows {
    pub rows: Vec<Box<RawValue>>,
    pub next_cursor: Option<String>,
}

impl Paging {
    /// Fetches a page, or all of them. `list` is the path below `/api/v1`.
    ///
    /// # Errors
    /// What the API said, in words.
    pub async fn fetch(self, client: &Client, list: &[&str], filter: &[(&str, String)]) -> Result<Rows, Error> {
        #[derive(Deserialize)]
        struct Page {
            #[serde(
                alias = "orders",
                alias = "products",
                alias = "messages",
                alias = "webhooks",
                alias = "deliveries",
                alias = "notes",
                alias = "entries",
                alias = "api_keys",
                alias = "prices",
                alias = "reservations",
                alias = "transactions"
            )]
            rows: Vec<Box<RawValue>>,
            next_cursor: Option<String>,
        }
        let limit = if self.all { LARGEST_PAGE } else { self.limit };
        let mut found = Rows { rows: Vec::new(), next_cursor: self.cursor };
        loop {
            let mut query = filter.to_vec();
            query.push(("limit", limit.to_string()));
            query.extend(found.next_cursor.clone().map(|cursor| ("cursor", cursor)));
            let page: Page = client.read(&client.get(list, &query).await?)?;
            let stuck = page.next_cursor.is_some() && page.next_cursor == found.next_cursor;
            found.rows.extend(page.rows);
            found.next_cursor = page.next_cursor;
            if stuck {
                return Err(Error::Unsuccessful("the API gives the same page again and again: report this".to_owned()));
            }
            if !self.all || found.next_cursor.is_none() {
                return Ok(found);
            }
        }
    }
}

impl Rows {
    /// Says how to see the rest.
    pub fn hint(&self, output: Output, noun: &str) {
        match &self.next_cursor {
            Some(cursor) => output.hint(&format!(
                "{}, and there are more: --all shows them, --cursor {} goes on here",
                count(self.rows.len(), noun),
                printable(cursor)
            )),
            None => output.hint(&count(self.rows.len(), noun)),
        }
    }
}

impl List {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let filter: Vec<(&str, String)> = [
            ("status", self.status.map(|status| status.to_string())),
            ("customer", self.customer.map(String::from)),
            ("sku", self.sku.map(String::from)),
            ("from", self.from),
            ("to", self.to),
            ("text", self.text),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
        let found = self.paging.fetch(client, &["orders"], &filter).await?;
        if output.json {
            output.document(&json!({ "orders": found.rows, "next_cursor": found.next_cursor }))?;
            return Ok(Outcome::Success);
        }
        let mut table = output.table(&["id", "status", "customer", "items", "total", "placed (UTC)", "reason"]);
        for row in &found.rows {
            let order: Order = client.read(row.get())?;
            table.add_row([
                order.id.to_string().into(),
                output.status_cell(order.status),
                order.customer_id.as_str().into(),
                order.items.len().into(),
                comfy_table::Cell::new(order.total).set_alignment(comfy_table::CellAlignment::Right),
                moment(order.created_at).into(),
                order.reason.as_deref().map(printable).unwrap_or_default().into(),
            ]);
        }
        if !found.rows.is_empty() {
            output.line(&table.trim_fmt())?;
        }
        found.hint(output, "order");
        Ok(Outcome::Success)
    }
}
