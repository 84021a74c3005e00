//! Shelves, reservations and the ledger. Only the inventory-service moves stock through here; adjustments are in `products`.

use std::collections::HashMap;

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::decode::{decode, json, json_column};
use crate::domain::inventory::{Line, Movement, ReservationStatus, Shelf};
use crate::domain::{OrderId, Sku};

/// A shelf as it was locked, with the product's own warning level.
#[derive(Clone, Debug)]
pub struct LockedShelf {
    pub sku: Sku,
    pub shelf: Shelf,
    pub low_stock_threshold: i64,
}

/// Locks the shelves in the order of their skus, so that two batches never wait for each other in a circle.
///
/// # Errors
/// Any database error.
pub async fn lock_shelves(db: &mut PgConnection, skus: &[&Sku]) -> Result<Vec<LockedShelf>, sqlx::Error> {
    let skus: Vec<&str> = skus.iter().map(|sku| sku.as_str()).collect();
    let rows = sqlx::query(
        "select s.sku, s.on_hand, s.reserved, p.low_stock_threshold
         from stock s join products p on p.sku = s.sku
         where s.sku = any($1) order by s.sku for update of s",
    )
    .bind(&skus)
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(LockedShelf {
                sku: decode(Sku::parse(row.try_get::<String, _>("sku")?))?,
                shelf: Shelf { on_hand: row.try_get("on_hand")?, reserved: row.try_get("reserved")? },
                low_stock_threshold: row.try_get("low_stock_threshold")?,
            })
        })
        .collect()
}

/// Writes shelves that are locked by this transaction.
///
/// # Errors
/// Any database error; `stock_never_negative` guards the rule once more.
pub async fn save_shelves(db: &mut PgConnection, shelves: &[(&Sku, Shelf)]) -> Result<(), sqlx::Error> {
    if shelves.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update stock s set on_hand = t.on_hand, reserved = t.reserved
         from unnest($1::text[], $2::bigint[], $3::bigint[]) as t (sku, on_hand, reserved) where s.sku = t.sku",
    )
    .bind(shelves.iter().map(|(sku, _)| sku.as_str()).collect::<Vec<_>>())
    .bind(shelves.iter().map(|(_, shelf)| shelf.on_hand).collect::<Vec<_>>())
    .bind(shelves.iter().map(|(_, shelf)| shelf.reserved).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}

/// One order's reservation.
#[derive(Clone, Debug)]
pub struct Reservation {
    pub order_id: OrderId,
    pub status: ReservationStatus,
    pub lines: Vec<Line>,
    pub shortages: Vec<String>,
}

/// Locks the reservations that exist.
///
/// # Errors
/// Any database error.
pub async fn lock_reservations(
    db: &mut PgConnection,
    orders: &[OrderId],
) -> Result<HashMap<OrderId, Reservation>, sqlx::Error> {
    let orders: Vec<Uuid> = orders.iter().map(|order| order.0).collect();
    let rows = sqlx::query(
        "select order_id, status, lines::text as lines, shortages from reservations
         where order_id = any($1) order by order_id for update",
    )
    .bind(&orders)
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            let order_id = OrderId(row.try_get("order_id")?);
            let status: &str = row.try_get("status")?;
            let status = ReservationStatus::parse(status)
                .ok_or_else(|| sqlx::Error::Decode(format!("reservation status {status}").into()))?;
            let lines = json_column(row, "lines")?.unwrap_or_default();
            Ok((order_id, Reservation { order_id, status, lines, shortages: row.try_get("shortages")? }))
        })
        .collect()
}

/// Inserts new reservations. One that another transaction has made meanwhile breaks the primary key, and the batch is decided
/// again one by one.
///
/// # Errors
/// Any database error.
pub async fn insert_reservations(db: &mut PgConnection, reservations: &[&Reservation]) -> Result<(), sqlx::Error> {
    if reservations.is_empty() {
        return Ok(());
    }
    let lines = reservations.iter().map(|r| json(&r.lines)).collect::<Result<Vec<_>, _>>()?;
    let shortages = reservations.iter().map(|r| json(&r.shortages)).collect::<Result<Vec<_>, _>>()?;
    sqlx::query(
        "insert into reservations (order_id, status, lines, shortages)
         select t.order_id, t.status, t.lines::jsonb, array(select jsonb_array_elements_text(t.shortages::jsonb))
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as t (order_id, status, lines, shortages)",
    )
    .bind(reservations.iter().map(|r| r.order_id.0).collect::<Vec<_>>())
    .bind(reservations.iter().map(|r| r.status.as_str()).collect::<Vec<_>>())
    .bind(lines)
    .bind(shortages)
    .execute(db)
    .await?;
    Ok(())
}

/// Writes the status of reservations that are locked by this transaction.
///
/// # Errors
/// Any database error.
pub async fn update_reservations(db: &mut PgConnection, reservations: &[&Reservation]) -> Result<(), sqlx::Error> {
    if reservations.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update reservations r set status = t.status, updated_at = now()
         from unnest($1::uuid[], $2::text[]) as t (order_id, status) where r.order_id = t.order_id",
    )
    .bind(reservations.iter().map(|r| r.order_id.0).collect::<Vec<_>>())
    .bind(reservations.iter().map(|r| r.status.as_str()).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}

/// One row of the ledger.
#[derive(Clone, Debug)]
pub struct LedgerRow {
    pub sku: Sku,
    pub order_id: OrderId,
    pub movement: Movement,
    pub quantity: u32,
}

/// # Errors
/// Any database error.
pub async fn append_ledger(db: &mut PgConnection, rows: &[LedgerRow]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into stock_movements (sku, order_id, kind, quantity)
         select * from unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[])",
    )
    .bind(rows.iter().map(|row| row.sku.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.order_id.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.movement.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| i64::from(row.quantity)).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}
