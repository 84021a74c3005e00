//! `orders import`: products and stock from a CSV file.

use std::io::Read;

use clap::Args;
use serde::Deserialize;

use super::client::Client;
use super::error::{Error, count};
use super::output::{Output, printable};
use super::rows::unreadable;
use super::run::Outcome;
use crate::contract::FieldError;

/// Imports products and stock from a CSV file, with a verdict for every row.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  orders import products.csv --dry-run
  orders import products.csv
  orders import - --json < products.csv | jq '.rows[] | select(.verdict == \"refused\")'

The first line names the columns, in any order: sku (required), name, price, stock,
low_stock_threshold, active. Products that are there are changed, others created (they need
name and price). `stock` is what is on the shelf, so importing the same file again changes
nothing. An empty cell says nothing. Exits with 1 when a row was refused.")]
pub struct Import {
    /// The file; `-` for stdin.
    file: String,
    /// Only says what would become of each row.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Deserialize)]
struct Imported {
    created: usize,
    updated: usize,
    unchanged: usize,
    refused: usize,
    rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    line: u64,
    sku: String,
    verdict: String,
    #[serde(default)]
    errors: Vec<FieldError>,
}

impl Import {
    /// # Errors
    /// [`Error::Input`] when the file cannot be read, else what the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let file = read(&self.file)?;
        let query = if self.dry_run { vec![("dry_run", "true".to_owned())] } else { Vec::new() };
        let body = client.post_csv(&["inventory", "imports"], &query, file).await?;
        let imported: Imported = client.read(&body)?;
        if output.json {
            output.line(body.trim_end())?;
        } else {
            for row in imported.rows.iter().filter(|row| row.verdict == "refused") {
                let faults: Vec<String> = row.errors.iter().map(|fault| printable(&fault.to_string())).collect();
                let verdict = output.bad("refused");
                output.line(&format!(
                    "line {}  {}  {verdict}  {}",
                    row.line,
                    printable(&row.sku),
                    faults.join("; ")
                ))?;
            }
            let Imported { created, updated, unchanged, refused, rows } = &imported;
            let would = if self.dry_run { ", nothing written" } else { "" };
            output.line(&format!(
                "{}: {created} created, {updated} updated, {unchanged} unchanged, {refused} refused{would}",
                count(rows.len(), "row")
            ))?;
        }
        Ok(if imported.refused == 0 { Outcome::Success } else { Outcome::Unsuccessful })
    }
}

fn read(source: &str) -> Result<Vec<u8>, Error> {
    let mut file = Vec::new();
    let read = match source {
        "-" => std::io::stdin().read_to_end(&mut file).map(drop),
        path => std::fs::read(path).map(|bytes| file = bytes),
    };
    read.map_err(|error| unreadable(source, &error))?;
    Ok(file)
}
