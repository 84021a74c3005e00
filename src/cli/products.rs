//! `orders products`: the catalogue and its stock.

use clap::{Args, Subcommand};
use comfy_table::{Cell, CellAlignment, Table};
use serde::Deserialize;
use serde_json::json;

use super::client::Client;
use super::error::Error;
use super::list::Paging;
use super::output::{Output, printable};
use super::run::Outcome;
use crate::domain::{Money, Sku};

/// Lists, shows and creates products, and adjusts their stock.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  orders products list --all
  orders products show GADGET-01
  orders products create GADGET-09 --name \"Gadget, green\" --price 19.99 --stock 100
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
    List(Paging),
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
    /// Adds units to the shelf or takes them off.
    #[command(after_help = "Examples:
  orders products adjust GADGET-09 50 --reason \"delivery 4711\"
  orders products adjust GADGET-09 -3 --reason \"broken in the warehouse\"")]
    Adjust {
        /// The shop's name for the product.
        #[arg(value_parser = sku)]
        sku: Sku,
        /// Units to add; negative to take off. Never below what is reserved.
        #[arg(allow_negative_numbers = true, value_parser = delta)]
        delta: i64,
        /// Why, for the ledger.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Deserialize)]
struct Product {
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
            Command::List(paging) => return list(paging, client, output).await,
            Command::Show { sku } => client.get(&["products", sku.as_str()], &[]).await?,
            Command::Create { sku, name, price, stock, low_stock_threshold } => {
                let mut product = json!({"sku": sku, "name": name, "price": price, "stock": stock});
                if let Some(threshold) = low_stock_threshold {
                    product["low_stock_threshold"] = json!(threshold);
                }
                client.post(&["products"], product.to_string(), None).await?.body
            }
            Command::Adjust { sku, delta, reason } => {
                let adjustment = json!({"delta": delta, "reason": reason});
                client.post(&["products", sku.as_str(), "adjustments"], adjustment.to_string(), None).await?.body
            }
        };
        if output.json {
            output.line(body.trim_end())?;
        } else {
            let mut table = header(output);
            client.read::<Product>(&body)?.add_to(&mut table);
            output.line(&table.trim_fmt())?;
        }
        Ok(Outcome::Success)
    }
}

async fn list(paging: Paging, client: &Client, output: Output) -> Result<Outcome, Error> {
    let found = paging.fetch(client, &["products"], &[]).await?;
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

fn sku(text: &str) -> Result<Sku, String> {
    Sku::parse(text).map_err(|error| error.to_string())
}

fn delta(text: &str) -> Result<i64, &'static str> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a whole number other than 0"),
        Ok(delta) => Ok(delta),
    }
}
