//! The use case "import products": a CSV file of products and their stock, with a verdict for every row. Rows with faults leave no trace
//! and cost their neighbours nothing. Importing the same file again changes nothing: it says what shall be, not what to add.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;

use csv::{ByteRecord, ReaderBuilder, Trim};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::contract::FieldError;
use crate::domain::{Money, Sku};
use crate::store::product_changes::{self, AdjustError, LockedProduct, NewProduct, ProductChange};

/// Most rows of one file: one transaction holds the shelves of all of them.
pub const MAX_ROWS: usize = 10_000;
/// Most units of one product: far above any shop's, far below where sums could overflow.
pub const MAX_UNITS: i64 = 1_000_000_000;
/// Longest name of a product, in characters.
const MAX_NAME: usize = 255;
/// In the ledger, beside each movement that an import makes.
const REASON: &str = "import";

/// Columns, in any order; only `sku` must be there.
const COLUMNS: [&str; 6] = ["sku", "name", "price", "stock", "low_stock_threshold", "active"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowVerdict {
    Created,
    Updated,
    /// The product is already as the row says.
    Unchanged,
    Refused,
}

/// What became of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RowReport {
    /// In the file, from 1; the header is line 1.
    pub line: u64,
    pub sku: String,
    pub verdict: RowVerdict,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// The file cannot be read as a table of products; nothing was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableFile(pub Vec<FieldError>);

/// What a row says; an empty cell says nothing.
#[derive(Clone, Debug, Default)]
struct Wanted {
    name: Option<String>,
    price: Option<Money>,
    stock: Option<i64>,
    low_stock_threshold: Option<i64>,
    active: Option<bool>,
}

/// One row, read: what it wants of which product, or its faults.
#[derive(Debug)]
pub struct Row {
    line: u64,
    text: String,
    wanted: Result<(Sku, Wanted), Vec<FieldError>>,
}

/// Reads a file with a header.
///
/// # Errors
/// [`UnreadableFile`] when it has no such header, no rows or too many.
pub fn read(file: &[u8]) -> Result<Vec<Row>, UnreadableFile> {
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(file);
    let columns = columns(&reader.byte_headers().cloned().unwrap_or_default())?;
    let mut rows = Vec::new();
    let mut seen: HashMap<Sku, u64> = HashMap::new();
    for record in reader.byte_records() {
        // reading from memory, with rows of any length, cannot fail
        let Ok(record) = record else { break };
        if rows.len() == MAX_ROWS {
            return Err(whole_file(format!("must have at most {MAX_ROWS} rows: import it in parts")));
        }
        let mut row = read_row(&columns, &record);
        if let Ok((sku, _)) = &row.wanted
            && let Some(earlier) = seen.insert(sku.clone(), row.line)
        {
            row.wanted = Err(vec![fault("sku", format!("stands in line {earlier} already"))]);
        }
        rows.push(row);
    }
    if rows.is_empty() { Err(whole_file("must have at least one row below its header")) } else { Ok(rows) }
}

fn whole_file(detail: impl Display) -> UnreadableFile {
    UnreadableFile(vec![FieldError { pointer: String::new(), detail: detail.to_string() }])
}

fn fault(column: &str, detail: impl Display) -> FieldError {
    FieldError { pointer: format!("/{column}"), detail: detail.to_string() }
}

/// The column in each place of the header.
fn columns(header: &ByteRecord) -> Result<Vec<&'static str>, UnreadableFile> {
    let mut columns = Vec::with_capacity(header.len());
    let mut faults = Vec::new();
    for name in header {
        let name = String::from_utf8_lossy(name);
        match COLUMNS.into_iter().find(|column| *column == name) {
            Some(column) if columns.contains(&column) => faults.push(fault(&name, "is a column twice")),
            Some(column) => columns.push(column),
            None => faults.push(fault(&name, format!("is not a known column; known are {}", COLUMNS.join(", ")))),
        }
    }
    if !columns.contains(&"sku") {
        faults.push(fault("sku", "is a required column"));
    }
    if faults.is_empty() { Ok(columns) } else { Err(UnreadableFile(faults)) }
}

fn read_row(columns: &[&'static str], record: &ByteRecord) -> Row {
    let line = record.position().map_or(0, csv::Position::line);
    let cells: HashMap<&str, &[u8]> = columns.iter().copied().zip(record.iter()).collect();
    let text = String::from_utf8_lossy(cells.get("sku").copied().unwrap_or_default()).into_owned();
    let mut faults = Vec::new();
    if record.len() != columns.len() {
        let detail = format!("has {} cells, the header has {}", record.len(), columns.len());
        faults.push(FieldError { pointer: String::new(), detail });
    }
    let sku = read_cell(&cells, "sku", &mut faults, |text| Sku::parse(text).map_err(|error| error.to_string()));
    if sku.is_none() && faults.iter().all(|fault| fault.pointer != "/sku") {
        faults.push(fault("sku", "is required"));
    }
    let wanted = Wanted {
        name: read_cell(&cells, "name", &mut faults, name),
        price: read_cell(&cells, "price", &mut faults, |text| text.parse().map_err(|error| format!("{error}"))),
        stock: read_cell(&cells, "stock", &mut faults, units),
        low_stock_threshold: read_cell(&cells, "low_stock_threshold", &mut faults, units),
        active: read_cell(&cells, "active", &mut faults, |text| {
            text.to_ascii_lowercase().parse().map_err(|_| "must be true or false".to_owned())
        }),
    };
    match sku {
        Some(sku) if faults.is_empty() => Row { line, text, wanted: Ok((sku, wanted)) },
        Some(_) | None => Row { line, text, wanted: Err(faults) },
    }
}

fn read_cell<T>(
    cells: &HashMap<&str, &[u8]>,
    column: &str,
    faults: &mut Vec<FieldError>,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    let cell = cells.get(column).filter(|cell| !cell.is_empty())?;
    let parsed = std::str::from_utf8(cell).map_err(|_| "is not UTF-8".to_owned()).and_then(parse);
    parsed.map_err(|detail| faults.push(fault(column, detail))).ok()
}

fn name(text: &str) -> Result<String, String> {
    match text.chars().count() {
        1..=MAX_NAME if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        1..=MAX_NAME => Err("must not contain control characters".to_owned()),
        _ => Err(format!("must have at most {MAX_NAME} characters")),
    }
}

fn units(text: &str) -> Result<i64, String> {
    let units = text.parse().ok().filter(|units| (0..=MAX_UNITS).contains(units));
    units.ok_or_else(|| format!("must be a whole number from 0 to {MAX_UNITS}"))
}

/// What the rows come to, before anything is written.
#[derive(Default)]
struct Plan {
    new: Vec<NewProduct>,
    changes: Vec<ProductChange>,
    deltas: Vec<(Sku, i64)>,
    reports: Vec<RowReport>,
}

/// Has the rows' effects, in a handful of statements for all of them. The reports come in the order of the rows and count only once
/// the caller has committed.
///
/// # Errors
/// Any database error; then nothing counts.
pub async fn import(db: &mut PgConnection, rows: &[Row], actor: &str) -> Result<Vec<RowReport>, sqlx::Error> {
    let skus: Vec<&Sku> = rows.iter().filter_map(|row| row.wanted.as_ref().ok().map(|(sku, _)| sku)).collect();
    let known = product_changes::lock_all(db, &skus).await?;
    let mut plan = Plan::default();
    for row in rows {
        let (verdict, errors) = match &row.wanted {
            Err(faults) => (RowVerdict::Refused, faults.clone()),
            Ok((sku, wanted)) => match plan.add(sku, wanted, known.get(sku)) {
                Ok(verdict) => (verdict, Vec::new()),
                Err(faults) => (RowVerdict::Refused, faults),
            },
        };
        plan.reports.push(RowReport { line: row.line, sku: row.text.clone(), verdict, errors });
    }
    let created = product_changes::create_all(db, &plan.new, REASON, actor).await?;
    product_changes::update_all(db, &plan.changes, actor).await?;
    let deltas: Vec<(&Sku, i64)> = plan.deltas.iter().map(|(sku, delta)| (sku, *delta)).collect();
    product_changes::adjust_all(db, &deltas, REASON, actor).await.map_err(|error| match error {
        AdjustError::Database(error) => error,
        // they are locked, and were judged under the lock
        AdjustError::Unknown | AdjustError::BelowReserved => sqlx::Error::RowNotFound,
    })?;
    let created: HashSet<&str> = created.iter().map(Sku::as_str).collect();
    for report in &mut plan.reports {
        if report.verdict == RowVerdict::Created && !created.contains(report.sku.as_str()) {
            report.verdict = RowVerdict::Refused;
            report.errors = vec![fault("sku", "was created by somebody else just now; import the row again")];
        }
    }
    Ok(plan.reports)
}

impl Plan {
    fn add(
        &mut self,
        sku: &Sku,
        wanted: &Wanted,
        known: Option<&LockedProduct>,
    ) -> Result<RowVerdict, Vec<FieldError>> {
        match known {
            None => self.create(sku, wanted).map(|()| RowVerdict::Created),
            Some(known) => self.change(sku, wanted, known),
        }
    }

    fn create(&mut self, sku: &Sku, wanted: &Wanted) -> Result<(), Vec<FieldError>> {
        let missing = |column: &str| fault(column, "is required for a new product");
        match (&wanted.name, wanted.price) {
            (Some(name), Some(price)) => {
                self.new.push(NewProduct {
                    sku: sku.clone(),
                    name: name.clone(),
                    price,
                    active: wanted.active.unwrap_or(true),
                    stock: wanted.stock.unwrap_or(0),
                    low_stock_threshold: wanted.low_stock_threshold.unwrap_or(0),
                });
                Ok(())
            }
            (name, price) => {
                let faults = [name.is_none().then(|| missing("name")), price.is_none().then(|| missing("price"))];
                Err(faults.into_iter().flatten().collect())
            }
        }
    }

    fn change(&mut self, sku: &Sku, wanted: &Wanted, known: &LockedProduct) -> Result<RowVerdict, Vec<FieldError>> {
        if let Some(stock) = wanted.stock
            && stock < known.shelf.reserved
        {
            let detail = format!("must be at least {}: so many units are reserved", known.shelf.reserved);
            return Err(vec![fault("stock", detail)]);
        }
        let change = ProductChange {
            sku: sku.clone(),
            name: wanted.name.clone().filter(|name| *name != known.name),
            price: wanted.price.filter(|price| *price != known.price),
            active: wanted.active.filter(|active| *active != known.active),
            low_stock_threshold: wanted.low_stock_threshold.filter(|units| *units != known.low_stock_threshold),
        };
        let delta = wanted.stock.map(|stock| stock - known.shelf.on_hand).filter(|delta| *delta != 0);
        let is_change = change.name.is_some()
            || change.price.is_some()
            || change.active.is_some()
            || change.low_stock_threshold.is_some();
        if is_change {
            self.changes.push(change);
        }
        self.deltas.extend(delta.map(|delta| (sku.clone(), delta)));
        Ok(if is_change || delta.is_some() { RowVerdict::Updated } else { RowVerdict::Unchanged })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn faults(file: &str) -> Vec<(u64, Vec<String>)> {
        let rows = read(file.as_bytes()).expect(file);
        let faults =
            |row: &Row| row.wanted.as_ref().err().map(|faults| faults.iter().map(ToString::to_string).collect());
        rows.iter().filter_map(|row| faults(row).map(|faults| (row.line, faults))).collect()
    }

    #[test]
    fn a_file_is_read_whatever_the_order_of_its_columns_and_however_it_is_quoted() {
        let rows = read("\u{feff}price, sku ,name\r\n9.99,A-1,\"Gadget, \"\"blue\"\"\"\r\n\r\n,B,\r\n".as_bytes())
            .expect("read");
        let (sku, wanted) = rows[0].wanted.as_ref().expect("good");
        assert_eq!((sku.as_str(), wanted.name.as_deref()), ("A-1", Some("Gadget, \"blue\"")));
        assert_eq!(wanted.price.expect("a price").to_string(), "9.99");
        let (_, empty) = rows[1].wanted.as_ref().expect("good");
        assert!(empty.price.is_none() && empty.name.is_none() && empty.active.is_none());
    }

    #[test]
    fn every_fault_of_a_row_is_named_with_its_line() {
        let file = "sku,price,stock,active\na b,1.999,-1,maybe\nOK,1,1,TRUE\nOK,1,1,\n,1,1,\nX,1,1\n";
        let found = faults(file);
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4, 5, 6]);
        assert_eq!(found[0].1.len(), 4);
        assert_eq!(found[1].1, ["/sku: stands in line 3 already"]);
        assert_eq!(found[2].1, ["/sku: is required"]);
        assert_eq!(found[3].1, [": has 3 cells, the header has 4"]);
    }

    #[test]
    fn a_file_without_its_header_or_without_rows_is_refused_as_a_whole() {
        let pointers = |file: &str| {
            let UnreadableFile(faults) = read(file.as_bytes()).expect_err(file);
            faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>()
        };
        assert_eq!(pointers("name,colour,name\n"), ["/colour", "/name", "/sku"]);
        assert_eq!(pointers(""), ["/sku"]);
        assert_eq!(pointers("sku,name\n"), [""]);
        let long = format!("sku\n{}", "A\n".repeat(MAX_ROWS + 1));
        assert_eq!(pointers(&long), [""]);
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&[b"sku,price\n".as_slice(), &bytes].concat());
            let _ = read(&bytes);
        }
    }
}
