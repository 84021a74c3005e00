//! `orders stock`: what is on the shelves, what is promised, what moved, what runs out.

use clap::{Args, Subcommand};
use comfy_table::{Cell, CellAlignment};
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::list::Paging;
use super::output::{Output, moment, printable};
use super::products::{self, delta, sku};
use super::run::Outcome;
use crate::contract::read_moment;
use crate::domain::{Money, Sku};

/// Adjusts stock and shows it: low, promised, moved, summed up, or as it was.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  orders stock adjust GADGET-09 50 --reason \"delivery 4711\"
  orders stock low
  orders stock show GADGET-09 --at 2026-01-31T12:00:00Z
  orders stock transactions --sku GADGET-09"
)]
pub struct Stock {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Adjust(Adjust),
    /// Lists products that run out: at or below their threshold.
    #[command(after_help = "Examples:
  orders stock low
  orders stock low --all --json | jq -r '.products[].sku'")]
    Low(Paging),
    /// Sums up the stock of the shop.
    #[command(after_help = "Example:\n  orders stock summary")]
    Summary,
    /// Shows the stock of a product, now or at some time.
    #[command(after_help = "Examples:
  orders stock show GADGET-01
  orders stock show GADGET-01 --at 2026-01-31T12:00:00Z")]
    Show {
        /// The shop's name for the product.
        #[arg(value_parser = sku)]
        sku: Sku,
        /// The time, as RFC 3339 writes it.
        #[arg(long, value_name = "TIME", value_parser = read_moment)]
        at: Option<OffsetDateTime>,
    },
    /// Lists what is promised to orders.
    #[command(after_help = "Examples:
  orders stock reservations
  orders stock reservations --sku GADGET-01 --status all
  orders stock reservations --order 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001")]
    Reservations {
        /// Only of this product.
        #[arg(long, value_parser = sku)]
        sku: Option<Sku>,
        /// Only that of this order.
        #[arg(long, value_name = "ID")]
        order: Option<Uuid>,
        /// Only with this status [default: reserved, unless an order is named].
        #[arg(long, value_parser = ["all", "reserved", "committed", "released", "rejected", "returned"])]
        status: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Lists movements of stock, the newest first.
    #[command(after_help = "Examples:
  orders stock transactions --sku GADGET-01
  orders stock transactions --kind adjust --all --json | jq -r '.transactions[] | [.at, .sku, .quantity, .reason] | @tsv'")]
    Transactions {
        /// Only of this product.
        #[arg(long, value_parser = sku)]
        sku: Option<Sku>,
        /// Only those that this order made.
        #[arg(long, value_name = "ID")]
        order: Option<Uuid>,
        /// Only of this kind: initial, adjust, reserve, release, commit, return.
        #[arg(long)]
        kind: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
}

/// Adds units to the shelf or takes them off.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  orders products adjust GADGET-09 50 --reason \"delivery 4711\"
  orders products adjust GADGET-09 -3 --reason \"broken in the warehouse\"")]
pub struct Adjust {
    /// The shop's name for the product.
    #[arg(value_parser = sku)]
    sku: Sku,
    /// Units to add; negative to take off. Never below what is reserved.
    #[arg(allow_negative_numbers = true, value_parser = delta)]
    delta: i64,
    /// Why, for the ledger.
    #[arg(long)]
    reason: String,
    /// The same key with the same adjustment never moves the stock twice [default: a new one].
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl Adjust {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let Self { sku, delta, reason, idempotency_key } = self;
        let adjustment = json!({"delta": delta, "reason": reason});
        let key = idempotency_key.unwrap_or_else(|| Uuid::new_v4().to_string());
        let path = ["products", sku.as_str(), "adjustments"];
        let answer = client.post(&path, adjustment.to_string(), Some(&key)).await?;
        if answer.replayed {
            output.hint("adjusted before, with the same key");
        }
        products::show(&answer.body, client, output)
    }
}

#[derive(Debug, Deserialize)]
struct Summary {
    products: u64,
    active: u64,
    on_hand: i64,
    reserved: i64,
    available: i64,
    value: String,
    low_stock: u64,
    out_of_stock: u64,
    open_reservations: u64,
}

#[derive(Debug, Deserialize)]
struct Shelf {
    sku: String,
    on_hand: i64,
    reserved: i64,
    available: i64,
    price: Option<Money>,
    #[serde(with = "time::serde::rfc3339")]
    changed_at: OffsetDateTime,
}

#[derive(Debug, Deserialize)]
struct Reservation {
    order_id: Uuid,
    status: String,
    items: Vec<Line>,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

#[derive(Debug, Deserialize)]
struct Line {
    sku: String,
    quantity: u64,
}

#[derive(Debug, Deserialize)]
struct Transaction {
    id: i64,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    sku: String,
    kind: String,
    quantity: i64,
    order_id: Option<Uuid>,
    reason: Option<String>,
    actor: Option<String>,
}

impl Stock {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        match self.command {
            Command::Adjust(adjust) => adjust.run(client, output).await,
            Command::Low(paging) => {
                products::list(paging, client, output, &["inventory", "low-stock"], Vec::new()).await
            }
            Command::Summary => summary(client, output).await,
            Command::Show { sku, at } => show(&sku, at, client, output).await,
            Command::Reservations { sku, order, status, paging } => {
                let filter = filter([
                    ("sku", sku.map(String::from)),
                    ("order_id", order.map(|order| order.to_string())),
                    ("status", status),
                ]);
                reservations(paging, &filter, client, output).await
            }
            Command::Transactions { sku, order, kind, paging } => {
                let filter = filter([
                    ("sku", sku.map(String::from)),
                    ("order_id", order.map(|order| order.to_string())),
                    ("kind", kind),
                ]);
                transactions(paging, &filter, client, output).await
            }
        }
    }
}

fn filter<const N: usize>(given: [(&'static str, Option<String>); N]) -> Vec<(&'static str, String)> {
    given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

async fn summary(client: &Client, output: Output) -> Result<Outcome, Error> {
    let body = client.get(&["inventory", "summary"], &[]).await?;
    if output.json {
        output.line(body.trim_end())?;
        return Ok(Outcome::Success);
    }
    let sums: Summary = client.read(&body)?;
    for (name, value) in [
        ("products", format!("{}, {} of them active", sums.products, sums.active)),
        ("units", format!("{} on hand, {} reserved, {} available", sums.on_hand, sums.reserved, sums.available)),
        ("value", printable(&sums.value)),
        ("low", format!("{}, {} of them out of stock", sums.low_stock, sums.out_of_stock)),
        ("open reservations", sums.open_reservations.to_string()),
    ] {
        output.line(&format!("{name:<18} {value}"))?;
    }
    Ok(Outcome::Success)
}

async fn show(sku: &Sku, at: Option<OffsetDateTime>, client: &Client, output: Output) -> Result<Outcome, Error> {
    let at = at.and_then(|at| at.format(&Rfc3339).ok());
    let body = client.get(&["products", sku.as_str(), "stock"], &filter([("at", at)])).await?;
    if output.json {
        output.line(body.trim_end())?;
        return Ok(Outcome::Success);
    }
    let shelf: Shelf = client.read(&body)?;
    let mut table = output.table(&["sku", "price", "on hand", "reserved", "available", "changed (UTC)"]);
    table.add_row([
        printable(&shelf.sku).into(),
        right(shelf.price.map(|price| price.to_string()).unwrap_or_default()),
        right(shelf.on_hand),
        right(shelf.reserved),
        right(shelf.available),
        moment(shelf.changed_at).into(),
    ]);
    output.line(&table.trim_fmt())?;
    Ok(Outcome::Success)
}

async fn reservations(
    paging: Paging,
    filter: &[(&str, String)],
    client: &Client,
    output: Output,
) -> Result<Outcome, Error> {
    let found = paging.fetch(client, &["inventory", "reservations"], filter).await?;
    if output.json {
        output.document(&json!({ "reservations": found.rows, "next_cursor": found.next_cursor }))?;
        return Ok(Outcome::Success);
    }
    let mut table = output.table(&["order", "status", "since (UTC)", "items"]);
    for row in &found.rows {
        let reservation: Reservation = client.read(row.get())?;
        let items = reservation.items.iter().map(|line| format!("{} x {}", line.quantity, printable(&line.sku)));
        table.add_row([
            reservation.order_id.to_string(),
            printable(&reservation.status),
            moment(reservation.updated_at),
            items.collect::<Vec<_>>().join(", "),
        ]);
    }
    if !found.rows.is_empty() {
        output.line(&table.trim_fmt())?;
    }
    found.hint(output, "reservation");
    Ok(Outcome::Success)
}

async fn transactions(
    paging: Paging,
    filter: &[(&str, String)],
    client: &Client,
    output: Output,
) -> Result<Outcome, Error> {
    let found = paging.fetch(client, &["inventory", "transactions"], filter).await?;
    if output.json {
        output.document(&json!({ "transactions": found.rows, "next_cursor": found.next_cursor }))?;
        return Ok(Outcome::Success);
    }
    let mut table = output.table(&["id", "at (UTC)", "sku", "kind", "quantity", "order", "reason", "by"]);
    for row in &found.rows {
        let moved: Transaction = client.read(row.get())?;
        let text = |text: &Option<String>| text.as_deref().map(printable).unwrap_or_default();
        table.add_row([
            right(moved.id),
            moment(moved.at).into(),
            printable(&moved.sku).into(),
            printable(&moved.kind).into(),
            right(moved.quantity),
            moved.order_id.map(|order| order.to_string()).unwrap_or_default().into(),
            text(&moved.reason).into(),
            text(&moved.actor).into(),
        ]);
    }
    if !found.rows.is_empty() {
        output.line(&table.trim_fmt())?;
    }
    found.hint(output, "movement");
    Ok(Outcome::Success)
}

pub(super) fn right(value: impl ToString) -> Cell {
    Cell::new(value).set_alignment(CellAlignment::Right)
}
