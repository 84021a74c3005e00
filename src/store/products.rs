//! Products with their stock, as people manage them: list, show, create, adjust. Called by the HTTP API; the catalogue lookup
//! by everyone who prices an order. Orders move stock elsewhere; here as there, no movement goes without its ledger row.

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

#[derive(Clone, Debug)]
pub struct NewProduct {
    pub sku: Sku,
    pub name: String,
    pub price: Money,
    pub stock: i64,
    pub low_stock_threshold: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error("a product with this sku exists already")]
    Exists,
    #[error("the product could not be stored")]
    Database(#[from] sqlx::Error),
}

#[derive(Debug, thiserror::Error)]
pub enum AdjustError {
    #[error("no product has this sku")]
    Unknown,
    #[error("the stock would fall below what is reserved")]
    BelowReserved,
    #[error("the stock could not be adjusted")]
    Database(#[from] sqlx::Error),
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

/// Stores the product, its stock and the first row of its ledger, all or nothing.
///
/// # Errors
/// [`CreateError::Exists`] when the sku is taken.
pub async fn create(conn: &mut PgConnection, new: &NewProduct) -> Result<(), CreateError> {
    let stored = sqlx::query(
        "with product as ( \
             insert into products (sku, name, price, low_stock_threshold) values ($1, $2, $3, $4) returning sku \
         ), shelf as ( \
             insert into stock (sku, on_hand) select sku, $5 from product \
         ) \
         insert into stock_movements (sku, kind, quantity, reason) select sku, 'initial', $5, 'created' from product",
    )
    .bind(new.sku.as_str())
    .bind(&new.name)
    .bind(new.price.amount())
    .bind(new.low_stock_threshold)
    .bind(new.stock)
    .execute(conn)
    .await;
    match stored {
        Ok(_) => Ok(()),
        Err(error) if breaks(&error, "products_pkey") => Err(CreateError::Exists),
        Err(error) => Err(CreateError::Database(error)),
    }
}

/// Adds `delta` units (takes away when negative) and writes it into the ledger, all or nothing. The update locks the stock row,
/// so it waits for a reservation in progress and is judged after it.
///
/// # Errors
/// [`AdjustError::BelowReserved`] when fewer units would remain than are promised.
pub async fn adjust(conn: &mut PgConnection, sku: &Sku, delta: i64, reason: &str) -> Result<Product, AdjustError> {
    let adjusted = sqlx::query(
        "with shelf as ( \
             update stock set on_hand = on_hand + $2 where sku = $1 returning sku, on_hand, reserved \
         ), movement as ( \
             insert into stock_movements (sku, kind, quantity, reason) select sku, 'adjust', $2, $3 from shelf \
         ) \
         select products.sku, name, price, active, low_stock_threshold, shelf.on_hand, shelf.reserved \
         from shelf join products on products.sku = shelf.sku",
    )
    .bind(sku.as_str())
    .bind(delta)
    .bind(reason)
    .fetch_optional(conn)
    .await;
    match adjusted {
        Ok(Some(row)) => Ok(read_product(&row)?),
        Ok(None) => Err(AdjustError::Unknown),
        Err(error) if breaks(&error, "stock_never_negative") => Err(AdjustError::BelowReserved),
        Err(error) => Err(AdjustError::Database(error)),
    }
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

/// At most `limit` products after the sku `after` (empty: from the start), in the order of their skus.
///
/// # Errors
/// When the database is away.
pub async fn page(conn: &mut PgConnection, after: &str, limit: i64) -> Result<Vec<Product>, sqlx::Error> {
    sqlx::query(
        "select products.sku, name, price, active, low_stock_threshold, on_hand, reserved \
         from products join stock on stock.sku = products.sku where products.sku > $1 order by products.sku limit $2",
    )
    .bind(after)
    .bind(limit)
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

fn sku_of(row: &PgRow) -> Result<Sku, sqlx::Error> {
    Sku::parse(row.try_get::<String, _>("sku")?).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn price_of(row: &PgRow) -> Result<Money, sqlx::Error> {
    Money::new(row.try_get::<Decimal, _>("price")?).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn breaks(error: &sqlx::Error, constraint: &str) -> bool {
    error.as_database_error().is_some_and(|refusal| refusal.constraint() == Some(constraint))
}
