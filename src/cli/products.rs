//! `orders products`: the catalogue and its stock.

use clap::{Args, Subcommand};
use comfy_table::{Cell, CellAlignment, Table};
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;

use super::client::Client;
use super::error::Error;
use super::list::Paging;
use super::output::{Output, moment, printable};
use super::run::Outcome;
use super::stock;
use crate::domain::{Money, Sku};

/// Lists, shows, creates and changes products, and adjusts their stock.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  orders products list --all
  orders products show GADGET-01
  orders products create GADGET-09 --name \"Gadget, green\" --price 19.99 --stock 100
  orders products update GADGET-09 --price 17.50
  orders products deactivate GADGET-09
  orders products adjust GADGET-09 -3 --reason \"broken in the warehouse\""
)]
pub struct Products {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists products with what is on hand, reserved and available.
    #[command(after_help = "Examples:
  orders products list
  orders products list --all --json | jq '.products[] | select(.available < .low_stock_threshold)'")]
    List {
        /// Only products that can be ordered, or only those that cannot.
        #[arg(long, value_name = "BOOL")]
        active: Option<bool>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Shows one product.
    #[command(after_help = "Example:\n  orders products show GADGET-01")]
    Show {
        /// The shop's name for the product.
        #[arg(value_parser = sku)]
        sku: Sku,
    },
    /// Adds a product to the catalogue.
    #[command(after_help = "Example:
  orders products create GADGET-09 --name \"Gadget, green\" --price 19.99 --stock 100")]
    Create {
        /// The shop's name for the product.
        #[arg(value_parser = sku)]
        sku: Sku,
        /// What customers read.
        #[arg(long)]
        name: String,
        /// Price of one unit, with at most two decimal places.
        #[arg(long)]
        price: Money,
        /// Units on the shelf.
        #[arg(long, value_name = "UNITS", default_value_t = 0)]
        stock: u32,
        /// Warns when fewer units than this can be promised.
        #[arg(long, value_name = "UNITS")]
        low_stock_threshold: Option<u32>,
    },
    /// Changes what is named of a product. Orders keep the price that they were accepted at.
    #[command(
        group(clap::ArgGroup::new("change").required(true).multiple(true)),
        after_help = "Examples:
  orders products update GADGET-09 --price 17.50
  orders products update GADGET-09 --name \"Gadget, mint\" --low-stock-threshold 5"
    )]
    Update {
        /// The shop's name for the product.
        #[arg(value_parser = sku)]
        sku: Sku,
        /// What customers read.
        #[arg(long, group = "change")]
        name: Option<String>,
        /// Price of one unit, with at most two decimal places.
        #[arg(long, group = "change")]
        price: Option<Money>,
        /// Warns when fewer units than this can be promised.
        #[arg(long, value_name = "UNITS", group = "change")]
        low_stock_threshold: Option<u32>,
        /// Whether it can be ordered.
        #[arg(long, value_name = "BOOL", group = "change")]
        active: Option<bool>,
    },
    /// Takes a product off the shop: it cannot be ordered any more.
    #[command(after_help = "Example:\n  orders products deactivate GADGET-09")]
    Deactivate {
        /// The shop's name for the product.
        #[arg(value_parser = sku)]
        sku: Sku,
    },
    /// Lists the prices that a product had, the newest first.
    #[command(after_help = "Example:\n  orders products prices GADGET-09")]
    Prices {
        /// The shop's name for the product.
        #[arg(value_parser = sku)]
        sku: Sku,
        #[command(flatten)]
        paging: Paging,
    },
    Adjust(stock::Adjust),
}

#[derive(Debug, Deserialize)]
pub(super) struct Product {
    sku: String,
    name: String,
    price: Money,
    active: bool,
    low_stock_threshold: i64,
    on_hand: i64,
    reserved: i64,
    available: i64,
}

impl Products {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let body = match self.command {
            Command::List { active, paging } => {
                let filter = active.map(|active| ("active", active.to_string())).into_iter().collect();
                return list(paging, client, output, &["products"], filter).await;
            }
            Command::Prices { sku, paging } => return prices(&sku, paging, client, output).await,
            Command::Adjust(adjust) => return adjust.run(client, output).await,
            Command::Show { sku } => client.get(&["products", sku.as_str()], &[]).await?,
            Command::Create { sku, name, price, stock, low_stock_threshold } => {
                let mut product = json!({"sku": sku, "name": name, "price": price, "stock": stock});
                if let Some(threshold) = low_stock_threshold {
                    product["low_stock_threshold"] = json!(threshold);
                }
                client.post(&["products"], product.to_string(), None).await?.body
            }
            Command::Update { sku, name, price, low_stock_threshold, active } => {
                let change =
                    json!({"name": name, "price": price, "low_stock_threshold": low_stock_threshold, "active": active});
                client.patch(&["products", sku.as_str()], change.to_string()).await?.body
            }
            Command::Deactivate { sku } => client.delete(&["products", sku.as_str()], &[]).await?,
        };
        show(&body, client, output)
    }
}

/// One product, as the API answered it.
pub(super) fn show(body: &str, client: &Client, output: Output) -> Result<Outcome, Error> {
    if output.json {
        output.line(body.trim_end())?;
    } else {
        let mut table = header(output);
        client.read::<Product>(body)?.add_to(&mut table);
        output.line(&table.trim_fmt())?;
    }
    Ok(Outcome::Success)
}

/// A list of products; `path` is that of the list below `/api/v1`.
pub(super) async fn list(
    paging: Paging,
    client: &Client,
    output: Output,
    path: &[&str],
    filter: Vec<(&str, String)>,
) -> Result<Outcome, Error> {
    let found = paging.fetch(client, path, &filter).await?;
    if output.json {
        output.document(&json!({ "products": found.rows, "next_cursor": found.next_cursor }))?;
        return Ok(Outcome::Success);
    }
    let mut table = header(output);
    for row in &found.rows {
        client.read::<Product>(row.get())?.add_to(&mut table);
    }
    if !found.rows.is_empty() {
        output.line(&table.trim_fmt())?;
    }
    found.hint(output, "product");
    Ok(Outcome::Success)
}

#[derive(Debug, Deserialize)]
struct Price {
    price: Money,
    #[serde(with = "time::serde::rfc3339")]
    valid_from: OffsetDateTime,
    actor: Option<String>,
}

async fn prices(sku: &Sku, paging: Paging, client: &Client, output: Output) -> Result<Outcome, Error> {
    let found = paging.fetch(client, &["products", sku.as_str(), "prices"], &[]).await?;
    if output.json {
        output.document(&json!({ "prices": found.rows, "next_cursor": found.next_cursor }))?;
        return Ok(Outcome::Success);
    }
    let mut table = output.table(&["price", "from (UTC)", "by"]);
    for row in &found.rows {
        let Price { price, valid_from, actor } = client.read(row.get())?;
        let actor = actor.as_deref().map(printable).unwrap_or_default();
        table.add_row([stock::right(price), moment(valid_from).into(), actor.into()]);
    }
    output.line(&table.trim_fmt())?;
    found.hint(output, "price");
    Ok(Outcome::Success)
}

fn header(output: Output) -> Table {
    output.table(&["sku", "name", "price", "on hand", "reserved", "available", "note"])
}

impl Product {
    fn add_to(&self, table: &mut Table) {
        let right = |cell: Cell| cell.set_alignment(CellAlignment::Right);
        let note = match self {
            Self { active: false, .. } => "not sold",
            _ if self.available <= 0 => "out of stock",
            _ if self.available <= self.low_stock_threshold => "low",
            _ => "",
        };
        table.add_row([
            printable(&self.sku).into(),
            printable(&self.name).into(),
            right(Cell::new(self.price)),
            right(Cell::new(self.on_hand)),
            right(Cell::new(self.reserved)),
            right(Cell::new(self.available)),
            note.into(),
        ]);
    }
}

pub(super) fn sku(text: &str) -> Result<Sku, String> {
    Sku::parse(text).map_err(|error| error.to_string())
}

pub(super) fn delta(text: &str) -> Result<i64, &'static str> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a whole number other than 0"),
        Ok(delta) => Ok(delta),
    }
}
