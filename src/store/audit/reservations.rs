//! Reservations against the ledger, against the order's items and against the order's fate.

use serde::Serialize;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::scope::{Found, Outcome, OutcomeRule, Scope, collect, fate};
use crate::domain::inventory::{Movement, ReservationStatus};
use crate::store::dead_letters::State;

/// Which movements every line of a reservation in this status has behind it, once each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovementsOfStatus {
    pub status: ReservationStatus,
    pub reserved: bool,
    pub released: bool,
    pub committed: bool,
    pub returned: bool,
}

/// Movements of one order and product that its reservation does not explain, or lacks.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error(
    "order {order_id} holds {promised} of {sku} ({}), its ledger: {reserved} reserved, {released} released, {committed} committed, {returned} returned",
    reservation.as_deref().unwrap_or("no reservation")
)]
pub struct LedgerDiffers {
    pub order_id: Uuid,
    pub sku: String,
    pub reservation: Option<String>,
    pub promised: i64,
    pub reserved: i64,
    pub released: i64,
    pub committed: i64,
    pub returned: i64,
}

/// # Errors
/// Any database error.
pub async fn ledger_differences(
    db: &mut PgConnection,
    scope: &Scope,
    rules: &[MovementsOfStatus],
) -> Result<Found<LedgerDiffers>, sqlx::Error> {
    let checked = sqlx::query_scalar("select count(*) from stock_movements where order_id is not null")
        .fetch_one(&mut *db)
        .await?;
    let times = |wanted: fn(&MovementsOfStatus) -> bool| rules.iter().map(|rule| i64::from(wanted(rule))).collect();
    let reserved: Vec<i64> = times(|rule| rule.reserved);
    let (released, committed): (Vec<i64>, Vec<i64>) = (times(|rule| rule.released), times(|rule| rule.committed));
    let returned: Vec<i64> = times(|rule| rule.returned);
    let question = sqlx::query(
        "with rule as (
             select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $10::bigint[])
                 as r (status, reserved, released, committed, returned)
         ), promised as (
             select r.order_id, l.sku, r.status, sum(l.quantity)::bigint as quantity
             from reservations r cross join lateral jsonb_to_recordset(r.lines) as l (sku text, quantity bigint)
             group by r.order_id, l.sku
         ), moved as (
             select order_id, sku,
                    coalesce(sum(quantity) filter (where kind = $5), 0)::bigint as reserved,
                    coalesce(sum(quantity) filter (where kind = $6), 0)::bigint as released,
                    coalesce(sum(quantity) filter (where kind = $7), 0)::bigint as committed,
                    coalesce(sum(quantity) filter (where kind = $11), 0)::bigint as returned
             from stock_movements where order_id is not null group by order_id, sku
         ), compared as (
             select order_id, sku, p.status, coalesce(p.quantity, 0) as promised, coalesce(m.reserved, 0) as reserved,
                    coalesce(m.released, 0) as released, coalesce(m.committed, 0) as committed,
                    coalesce(m.returned, 0) as returned
             from promised p full join moved m using (order_id, sku)
         )
         select count(*) over () as total, c.* from compared c left join rule r on r.status = c.status
         where (c.reserved, c.released, c.committed, c.returned) is distinct from
               (c.promised * coalesce(r.reserved, 0), c.promised * coalesce(r.released, 0),
                c.promised * coalesce(r.committed, 0), c.promised * coalesce(r.returned, 0))
           and ($8::timestamptz is null or c.order_id in (select id from orders where created_at >= $8))
         order by c.order_id, c.sku limit $9",
    )
    .bind(rules.iter().map(|rule| rule.status.as_str()).collect::<Vec<_>>())
    .bind(reserved)
    .bind(released)
    .bind(committed)
    .bind(Movement::Reserve.as_str())
    .bind(Movement::Release.as_str())
    .bind(Movement::Commit.as_str())
    .bind(scope.since)
    .bind(scope.limit)
    .bind(returned)
    .bind(Movement::Return.as_str());
    collect(db, checked, question, |row| {
        Ok(LedgerDiffers {
            order_id: row.try_get("order_id")?,
            sku: row.try_get("sku")?,
            reservation: row.try_get("status")?,
            promised: row.try_get("promised")?,
            reserved: row.try_get("reserved")?,
            released: row.try_get("released")?,
            committed: row.try_get("committed")?,
            returned: row.try_get("returned")?,
        })
    })
    .await
}

/// A reservation of something else than was ordered.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("order {order_id} is of {ordered}, its reservation of {reserved}")]
pub struct LinesDiffer {
    pub order_id: Uuid,
    /// JSON.
    pub ordered: String,
    /// JSON.
    pub reserved: String,
}

/// A release that came before its reservation left a mark without lines; every other reservation has the order's items.
///
/// # Errors
/// Any database error.
pub async fn line_differences(db: &mut PgConnection, scope: &Scope) -> Result<Found<LinesDiffer>, sqlx::Error> {
    let checked = sqlx::query_scalar("select count(*) from reservations").fetch_one(&mut *db).await?;
    let question = sqlx::query(
        "select count(*) over () as total, o.id, items.lines::text as ordered, r.lines::text as reserved
         from orders o join reservations r on r.order_id = o.id
         cross join lateral (
             select coalesce(jsonb_agg(jsonb_build_object('sku', i.item -> 'sku', 'quantity', i.item -> 'quantity')
                                       order by i.place), '[]') as lines
             from jsonb_array_elements(o.items) with ordinality as i (item, place)
         ) items
         where ($1::timestamptz is null or o.created_at >= $1)
           and r.lines <> items.lines and not (r.status = $2 and r.lines = '[]')
         order by o.id limit $3",
    )
    .bind(scope.since)
    .bind(ReservationStatus::Released.as_str())
    .bind(scope.limit);
    collect(db, checked, question, |row| {
        Ok(LinesDiffer {
            order_id: row.try_get("id")?,
            ordered: row.try_get("ordered")?,
            reserved: row.try_get("reserved")?,
        })
    })
    .await
}

/// Stock that is not where the order's fate says it is.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error(
    "order {order_id} is {}, its reservation is {}",
    status.as_deref().unwrap_or("unknown"), reservation.as_deref().unwrap_or("missing")
)]
pub struct WrongReservation {
    pub order_id: Uuid,
    pub status: Option<String>,
    pub reservation: Option<String>,
    /// Whether a message that is still on its way would put it right.
    pub awaited: bool,
}

/// `queue`: where the messages wait that settle a reservation.
///
/// # Errors
/// Any database error.
pub async fn wrong_reservations(
    db: &mut PgConnection,
    scope: &Scope,
    rules: &[OutcomeRule],
    queue: &str,
) -> Result<Found<WrongReservation>, sqlx::Error> {
    let question = sqlx::query(concat!(
        "with rule as (select * from unnest($1::text[], $2::text[], $3::text[]) as r (fate, beside, outcome)),
         pairs as (
             select coalesce(o.id, r.order_id) as order_id, o.status, r.status as reservation, rule.outcome,
                    greatest(o.updated_at, r.updated_at) as changed_at
             from orders o full join reservations r on r.order_id = o.id
             left join rule on rule.fate = ",
        fate!(),
        " and rule.beside = coalesce(r.status, '')
             where $4::timestamptz is null or o.created_at >= $4
         )
         select count(*) over () as total, p.* from pairs p
         where (p.status is null and p.reservation = any($5) and p.changed_at < $6)
            or p.outcome = $7
            or (p.outcome = $8 and p.changed_at < $6 and not exists (
                select from dead_letters l where l.order_id = p.order_id and l.queue = $9 and l.state <> $10))
         order by p.order_id limit $11",
    ))
    .bind(rules.iter().map(|rule| rule.fate.name()).collect::<Vec<_>>())
    .bind(rules.iter().map(|rule| rule.beside).collect::<Vec<_>>())
    .bind(rules.iter().map(|rule| rule.outcome.as_str()).collect::<Vec<_>>())
    .bind(scope.since)
    .bind([ReservationStatus::Reserved, ReservationStatus::Committed].map(ReservationStatus::as_str))
    .bind(scope.cutoff)
    .bind(Outcome::Wrong.as_str())
    .bind(Outcome::Awaited.as_str())
    .bind(queue)
    .bind(State::Resolved.as_str())
    .bind(scope.limit);
    collect(db, scope.orders, question, |row| {
        Ok(WrongReservation {
            order_id: row.try_get("order_id")?,
            status: row.try_get("status")?,
            reservation: row.try_get("reservation")?,
            awaited: row.try_get::<Option<&str>, _>("outcome")? == Some(Outcome::Awaited.as_str()),
        })
    })
    .await
}
