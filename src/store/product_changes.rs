//! What people change of products and stock: create, update, adjust, all set by set, so that one product and a file of thousands go the
//! same way. No movement goes without its ledger row and no price without its history. Called by the intake.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::products::{price_of, sku_of};
use crate::domain::inventory::Shelf;
use crate::domain::{Money, Sku};

#[derive(Clone, Debug)]
pub struct NewProduct {
    pub sku: Sku,
    pub name: String,
    pub price: Money,
    pub active: bool,
    pub stock: i64,
    pub low_stock_threshold: i64,
}

/// Stores products with their stock, their price and the first rows of their ledgers. Returns those that are new; the others were there
/// and stay as they are. `reason` is the ledger's.
///
/// # Errors
/// Any database error.
pub async fn create_all(
    db: &mut PgConnection,
    new: &[NewProduct],
    reason: &str,
    actor: &str,
) -> Result<Vec<Sku>, sqlx::Error> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(
        "with new as (
             select * from unnest($1::text[], $2::text[], $3::numeric[], $4::bool[], $5::bigint[], $6::bigint[])
                 as t (sku, name, price, active, low_stock_threshold, stock)
         ), product as (
             insert into products (sku, name, price, active, low_stock_threshold)
             select sku, name, price, active, low_stock_threshold from new order by sku
             on conflict (sku) do nothing returning sku
         ), shelf as (
             insert into stock (sku, on_hand) select sku, stock from new join product using (sku)
         ), price as (
             insert into product_prices (sku, price, actor) select sku, price, $8 from new join product using (sku)
         ), movement as (
             insert into stock_movements (sku, kind, quantity, reason, actor)
             select sku, 'initial', stock, $7, $8 from new join product using (sku)
         )
         select sku from product",
    )
    .bind(new.iter().map(|p| p.sku.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|p| p.name.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|p| p.price.amount()).collect::<Vec<_>>())
    .bind(new.iter().map(|p| p.active).collect::<Vec<_>>())
    .bind(new.iter().map(|p| p.low_stock_threshold).collect::<Vec<_>>())
    .bind(new.iter().map(|p| p.stock).collect::<Vec<_>>())
    .bind(reason)
    .bind(actor)
    .fetch_all(db)
    .await?;
    rows.iter().map(sku_of).collect()
}

/// New values of a product; `None` leaves what is there.
#[derive(Clone, Debug)]
pub struct ProductChange {
    pub sku: Sku,
    pub name: Option<String>,
    pub price: Option<Money>,
    pub active: Option<bool>,
    pub low_stock_threshold: Option<i64>,
}

/// Changes products that are there; returns how many. A price that is another than before goes into the history.
///
/// # Errors
/// Any database error.
pub async fn update_all(db: &mut PgConnection, changes: &[ProductChange], actor: &str) -> Result<u64, sqlx::Error> {
    if changes.is_empty() {
        return Ok(0);
    }
    let updated = sqlx::query(
        "with change as (
             select * from unnest($1::text[], $2::text[], $3::numeric[], $4::bool[], $5::bigint[])
                 as t (sku, name, price, active, low_stock_threshold)
         ), before as (
             select p.sku, p.price from products p join change using (sku) order by p.sku for update of p
         ), after as (
             update products p
             set name = coalesce(c.name, p.name), price = coalesce(c.price, p.price), active = coalesce(c.active, p.active),
                 low_stock_threshold = coalesce(c.low_stock_threshold, p.low_stock_threshold), updated_at = now()
             from change c join before b using (sku) where p.sku = c.sku
             returning p.sku, p.price
         ), history as (
             insert into product_prices (sku, price, actor)
             select a.sku, a.price, $6 from after a join before b using (sku) where a.price <> b.price
         )
         select sku from after",
    )
    .bind(changes.iter().map(|c| c.sku.as_str()).collect::<Vec<_>>())
    .bind(changes.iter().map(|c| c.name.as_deref()).collect::<Vec<_>>())
    .bind(changes.iter().map(|c| c.price.map(Money::amount)).collect::<Vec<_>>())
    .bind(changes.iter().map(|c| c.active).collect::<Vec<_>>())
    .bind(changes.iter().map(|c| c.low_stock_threshold).collect::<Vec<_>>())
    .bind(actor)
    .fetch_all(db)
    .await?;
    Ok(updated.len() as u64)
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

/// Adds units to each shelf (takes away when negative) and writes it into the ledger, all or nothing. The update locks the stock row,
/// so it waits for a reservation in progress and is judged after it.
///
/// # Errors
/// [`AdjustError::BelowReserved`] when fewer units would remain somewhere than are promised.
pub async fn adjust_all(
    db: &mut PgConnection,
    deltas: &[(&Sku, i64)],
    reason: &str,
    actor: &str,
) -> Result<(), AdjustError> {
    if deltas.is_empty() {
        return Ok(());
    }
    let adjusted = sqlx::query(
        "with delta as (select * from unnest($1::text[], $2::bigint[]) as t (sku, units)
         ), shelf as (
             update stock s set on_hand = s.on_hand + d.units from delta d where s.sku = d.sku returning s.sku, d.units
         )
         insert into stock_movements (sku, kind, quantity, reason, actor) select sku, 'adjust', units, $3, $4 from shelf",
    )
    .bind(deltas.iter().map(|(sku, _)| sku.as_str()).collect::<Vec<_>>())
    .bind(deltas.iter().map(|(_, delta)| *delta).collect::<Vec<_>>())
    .bind(reason)
    .bind(actor)
    .execute(db)
    .await;
    match adjusted {
        Ok(done) if done.rows_affected() == deltas.len() as u64 => Ok(()),
        Ok(_) => Err(AdjustError::Unknown),
        Err(error) if breaks(&error, "stock_never_negative") => Err(AdjustError::BelowReserved),
        Err(error) => Err(AdjustError::Database(error)),
    }
}

fn breaks(error: &sqlx::Error, constraint: &str) -> bool {
    error.as_database_error().is_some_and(|refusal| refusal.constraint() == Some(constraint))
}

/// A product as it was locked.
#[derive(Clone, Debug)]
pub struct LockedProduct {
    pub name: String,
    pub price: Money,
    pub active: bool,
    pub low_stock_threshold: i64,
    pub shelf: Shelf,
}

/// Locks the products that are there, and their shelves, in the order of their skus; reservations wait until the transaction ends.
///
/// # Errors
/// Any database error.
pub async fn lock_all(db: &mut PgConnection, skus: &[&Sku]) -> Result<HashMap<Sku, LockedProduct>, sqlx::Error> {
    let rows = sqlx::query(
        "select p.sku, p.name, p.price, p.active, p.low_stock_threshold, s.on_hand, s.reserved
         from products p join stock s on s.sku = p.sku where p.sku = any($1) order by p.sku for update",
    )
    .bind(skus.iter().map(|sku| sku.as_str()).collect::<Vec<_>>())
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            let shelf = Shelf { on_hand: row.try_get("on_hand")?, reserved: row.try_get("reserved")? };
            let product = LockedProduct {
                name: row.try_get("name")?,
                price: price_of(row)?,
                active: row.try_get("active")?,
                low_stock_threshold: row.try_get("low_stock_threshold")?,
                shelf,
            };
            Ok((sku_of(row)?, product))
        })
        .collect()
}

/// A price and since when it holds.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(examples(json!({
    "price": 17.50, "valid_from": "2026-11-21T01:52:27.802333Z", "actor": "operator:anna"
})))]
pub struct PriceEntry {
    #[serde(skip)]
    pub id: i64,
    pub price: Money,
    #[serde(with = "time::serde::rfc3339")]
    pub valid_from: OffsetDateTime,
    /// Who set it; `null` for prices from before the history.
    pub actor: Option<String>,
}

/// At most `limit` prices older than the entry `before`, newest first.
///
/// # Errors
/// Any database error.
pub async fn prices(db: &mut PgConnection, sku: &Sku, before: i64, limit: i64) -> Result<Vec<PriceEntry>, sqlx::Error> {
    sqlx::query(
        "select id, price, valid_from, actor from product_prices where sku = $1 and id < $2 order by id desc limit $3",
    )
    .bind(sku.as_str())
    .bind(before)
    .bind(limit)
    .try_map(|row: PgRow| {
        Ok(PriceEntry {
            id: row.try_get("id")?,
            price: price_of(&row)?,
            valid_from: row.try_get("valid_from")?,
            actor: row.try_get("actor")?,
        })
    })
    .fetch_all(db)
    .await
}
