//! Products with their stock, read: one, or pages of them for people, and the catalogue's prices for everyone who prices an order.
//! What people change of them is in `product_changes`.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use utoipa::ToSchema;

use crate::domain::catalogue::{Catalogue, Listing};
use crate::domain::{Money, Sku};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(examples(json!({
    "sku": "GADGET-01", "name": "Gadget, small", "price": 19.99, "active": true, "low_stock_threshold": 10, "on_hand": 100,
    "reserved": 2, "available": 98
})))]
pub struct Product {
    pub sku: Sku,
    pub name: String,
    /// Price of one unit.
    pub price: Money,
    /// Whether it is sold.
    pub active: bool,
    /// Units available at or below which the shop wants to be warned.
    pub low_stock_threshold: i64,
    /// Units on the shelf, promised ones included.
    pub on_hand: i64,
    /// Units promised to orders that are not yet paid.
    pub reserved: i64,
    /// Units that can still be promised.
    pub available: i64,
}

/// The names of these products; unknown skus are absent from the answer.
///
/// # Errors
/// When the database is away.
pub async fn names(conn: &mut PgConnection, skus: &[&str]) -> Result<HashMap<String, String>, sqlx::Error> {
    let names: Vec<(String, String)> =
        sqlx::query_as("select sku, name from products where sku = any($1)").bind(skus).fetch_all(conn).await?;
    Ok(names.into_iter().collect())
}

/// What the catalogue knows of these products; unknown skus are absent from the answer.
///
/// # Errors
/// When the database is away.
pub async fn catalogue(conn: &mut PgConnection, skus: &[&Sku]) -> Result<Catalogue, sqlx::Error> {
    if skus.is_empty() {
        return Ok(Catalogue::new());
    }
    let rows = sqlx::query("select sku, price, active from products where sku = any($1)")
        .bind(skus.iter().map(|sku| sku.as_str()).collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| Ok((sku_of(row)?, Listing { price: price_of(row)?, active: row.try_get("active")? })))
        .collect()
}

/// # Errors
/// When the database is away.
pub async fn find(conn: &mut PgConnection, sku: &Sku) -> Result<Option<Product>, sqlx::Error> {
    let row = sqlx::query(
        "select products.sku, name, price, active, low_stock_threshold, on_hand, reserved \
         from products join stock on stock.sku = products.sku where products.sku = $1",
    )
    .bind(sku.as_str())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(read_product).transpose()
}

/// Which products a list is of; `None` is every one.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProductFilter {
    pub active: Option<bool>,
    /// Sold products whose available units are at or below their threshold.
    pub only_low: bool,
}

/// At most `limit` products after the sku `after` (empty: from the start), in the order of their skus.
///
/// # Errors
/// When the database is away.
pub async fn page(
    conn: &mut PgConnection,
    filter: ProductFilter,
    after: &str,
    limit: i64,
) -> Result<Vec<Product>, sqlx::Error> {
    sqlx::query(
        "select products.sku, name, price, active, low_stock_threshold, on_hand, reserved \
         from products join stock on stock.sku = products.sku \
         where products.sku > $1 and ($3::bool is null or active = $3) \
           and (not $4 or active and on_hand - reserved <= low_stock_threshold) \
         order by products.sku limit $2",
    )
    .bind(after)
    .bind(limit)
    .bind(filter.active)
    .bind(filter.only_low)
    .try_map(|row: PgRow| read_product(&row))
    .fetch_all(conn)
    .await
}

fn read_product(row: &PgRow) -> Result<Product, sqlx::Error> {
    let (on_hand, reserved): (i64, i64) = (row.try_get("on_hand")?, row.try_get("reserved")?);
    Ok(Product {
        sku: sku_of(row)?,
        name: row.try_get("name")?,
        price: price_of(row)?,
        active: row.try_get("active")?,
        low_stock_threshold: row.try_get("low_stock_threshold")?,
        on_hand,
        reserved,
        available: on_hand - reserved,
    })
}

pub(super) fn sku_of(row: &PgRow) -> Result<Sku, sqlx::Error> {
    Sku::parse(row.try_get::<String, _>("sku")?).map_err(|error| sqlx::Error::Decode(error.into()))
}

pub(super) fn price_of(row: &PgRow) -> Result<Money, sqlx::Error> {
    Money::new(row.try_get::<Decimal, _>("price")?).map_err(|error| sqlx::Error::Decode(error.into()))
}
