//! Shelves against their ledger: every unit that is there, or promised, has its movements, and none was ever sold twice.

use serde::Serialize;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::scope::{Found, Scope, collect};

/// What one unit of a movement of this kind does to a shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitsMoved {
    pub kind: &'static str,
    pub on_hand: i64,
    pub reserved: i64,
}

/// A shelf that its ledger does not add up to.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error(
    "product {sku} has {on_hand} on hand and {reserved} reserved, by its ledger {ledger_on_hand} and {ledger_reserved}"
)]
pub struct ShelfDiffers {
    pub sku: String,
    pub on_hand: i64,
    pub reserved: i64,
    pub ledger_on_hand: i64,
    pub ledger_reserved: i64,
}

/// Judges every product, whatever the scope: a ledger means nothing in part.
///
/// # Errors
/// Any database error.
pub async fn shelf_differences(
    db: &mut PgConnection,
    scope: &Scope,
    units: &[UnitsMoved],
) -> Result<Found<ShelfDiffers>, sqlx::Error> {
    let checked = sqlx::query_scalar("select count(*) from stock").fetch_one(&mut *db).await?;
    let question = sqlx::query(
        "with rule as (select * from unnest($1::text[], $2::bigint[], $3::bigint[]) as r (kind, on_hand, reserved)),
         ledger as (
             select m.sku, sum(m.quantity * r.on_hand)::bigint as on_hand, sum(m.quantity * r.reserved)::bigint as reserved
             from stock_movements m join rule r on r.kind = m.kind group by m.sku
         ), both_sides as (
             select coalesce(s.sku, l.sku) as sku, coalesce(s.on_hand, 0) as on_hand, coalesce(s.reserved, 0) as reserved,
                    coalesce(l.on_hand, 0) as ledger_on_hand, coalesce(l.reserved, 0) as ledger_reserved
             from stock s full join ledger l on l.sku = s.sku
         )
         select count(*) over () as total, * from both_sides
         where (on_hand, reserved) <> (ledger_on_hand, ledger_reserved) order by sku limit $4",
    )
    .bind(units.iter().map(|unit| unit.kind).collect::<Vec<_>>())
    .bind(units.iter().map(|unit| unit.on_hand).collect::<Vec<_>>())
    .bind(units.iter().map(|unit| unit.reserved).collect::<Vec<_>>())
    .bind(scope.limit);
    collect(db, checked, question, |row| {
        Ok(ShelfDiffers {
            sku: row.try_get("sku")?,
            on_hand: row.try_get("on_hand")?,
            reserved: row.try_get("reserved")?,
            ledger_on_hand: row.try_get("ledger_on_hand")?,
            ledger_reserved: row.try_get("ledger_reserved")?,
        })
    })
    .await
}

/// The first movement after which a shelf held less than nothing, or less than it had promised.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("product {sku} was down to {on_hand} on hand and {reserved} reserved after movement {movement}")]
pub struct Oversold {
    pub sku: String,
    pub movement: i64,
    pub order_id: Option<Uuid>,
    pub on_hand: i64,
    pub reserved: i64,
}

/// Replays the ledger of every product. Movements are numbered under the lock of their shelf, so their order is what happened.
///
/// # Errors
/// Any database error.
pub async fn oversold(
    db: &mut PgConnection,
    scope: &Scope,
    units: &[UnitsMoved],
) -> Result<Found<Oversold>, sqlx::Error> {
    let checked = sqlx::query_scalar("select count(*) from stock_movements").fetch_one(&mut *db).await?;
    let question = sqlx::query(
        "with rule as (select * from unnest($1::text[], $2::bigint[], $3::bigint[]) as r (kind, on_hand, reserved)),
         replay as (
             select m.sku, m.id, m.order_id, sum(m.quantity * r.on_hand) over ledger as on_hand,
                    sum(m.quantity * r.reserved) over ledger as reserved
             from stock_movements m join rule r on r.kind = m.kind
             window ledger as (partition by m.sku order by m.id rows unbounded preceding)
         ), first_fault as (
             select distinct on (sku) sku, id, order_id, on_hand::bigint as on_hand, reserved::bigint as reserved
             from replay where on_hand < 0 or reserved < 0 or reserved > on_hand order by sku, id
         )
         select count(*) over () as total, * from first_fault order by sku limit $4",
    )
    .bind(units.iter().map(|unit| unit.kind).collect::<Vec<_>>())
    .bind(units.iter().map(|unit| unit.on_hand).collect::<Vec<_>>())
    .bind(units.iter().map(|unit| unit.reserved).collect::<Vec<_>>())
    .bind(scope.limit);
    collect(db, checked, question, |row| {
        Ok(Oversold {
            sku: row.try_get("sku")?,
            movement: row.try_get("id")?,
            order_id: row.try_get("order_id")?,
            on_hand: row.try_get("on_hand")?,
            reserved: row.try_get("reserved")?,
        })
    })
    .await
}
