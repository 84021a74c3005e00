//! The histories: every change is one that the saga can make, each message made it once, and the last one led to where the order is.

use serde::Serialize;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::scope::{Found, Scope, collect};
use crate::domain::OrderStatus;

/// A status and the step that the saga waits for.
pub type Place = (OrderStatus, Option<&'static str>);

/// One change that the saga can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegalChange {
    pub from: Place,
    pub event: &'static str,
    pub to: Place,
}

/// A change that the saga cannot make.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("order {order_id}: {event} led from {from} to {to} (history row {row})")]
pub struct IllegalChange {
    pub order_id: Uuid,
    pub row: i64,
    pub from: String,
    pub event: String,
    pub to: String,
}

/// `start` is where every history begins: its first row, if it leads there, needs no cause.
///
/// # Errors
/// Any database error.
pub async fn illegal_changes(
    db: &mut PgConnection,
    scope: &Scope,
    start: Place,
    legal: &[LegalChange],
) -> Result<Found<IllegalChange>, sqlx::Error> {
    let checked = sqlx::query_scalar("select count(*) from order_history").fetch_one(&mut *db).await?;
    let step = |place: &Place| place.1.unwrap_or_default();
    let question = sqlx::query(
        "with changes as (
             select order_id, id, event, status, coalesce(step, '') as step, lag(status) over history as from_status,
                    coalesce(lag(step) over history, '') as from_step
             from order_history
             where $1::timestamptz is null or order_id in (select id from orders where created_at >= $1)
             window history as (partition by order_id order by id)
         )
         select count(*) over () as total, order_id, id, event, concat_ws('/', status, nullif(step, '')) as to_place,
                concat_ws('/', coalesce(from_status, 'nothing'), nullif(from_step, '')) as from_place
         from changes
         where not (from_status is null and (status, step) = ($2, $3))
           and (coalesce(from_status, $2), from_step, event, status, step) not in (
               select * from unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::text[]))
         order by order_id, id limit $9",
    )
    .bind(scope.since)
    .bind(start.0.as_str())
    .bind(step(&start))
    .bind(legal.iter().map(|change| change.from.0.as_str()).collect::<Vec<_>>())
    .bind(legal.iter().map(|change| step(&change.from)).collect::<Vec<_>>())
    .bind(legal.iter().map(|change| change.event).collect::<Vec<_>>())
    .bind(legal.iter().map(|change| change.to.0.as_str()).collect::<Vec<_>>())
    .bind(legal.iter().map(|change| step(&change.to)).collect::<Vec<_>>())
    .bind(scope.limit);
    collect(db, checked, question, |row| {
        Ok(IllegalChange {
            order_id: row.try_get("order_id")?,
            row: row.try_get("id")?,
            from: row.try_get("from_place")?,
            event: row.try_get("event")?,
            to: row.try_get("to_place")?,
        })
    })
    .await
}

/// A history that does not lead to where the order is.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error(
    "order {order_id} is {}, its history ends in {}",
    status.as_deref().unwrap_or("unknown"), last.as_deref().unwrap_or("nothing")
)]
pub struct WrongEnd {
    pub order_id: Uuid,
    pub status: Option<String>,
    pub last: Option<String>,
}

/// # Errors
/// Any database error.
pub async fn wrong_ends(db: &mut PgConnection, scope: &Scope) -> Result<Found<WrongEnd>, sqlx::Error> {
    let question = sqlx::query(
        "with ends as (
             select distinct on (order_id) order_id, status from order_history order by order_id, id desc
         )
         select count(*) over () as total, coalesce(o.id, e.order_id) as order_id, o.status, e.status as last
         from orders o full join ends e on e.order_id = o.id
         where o.status is distinct from e.status and ($1::timestamptz is null or o.created_at >= $1)
         order by 2 limit $2",
    )
    .bind(scope.since)
    .bind(scope.limit);
    collect(db, scope.orders, question, |row| {
        Ok(WrongEnd { order_id: row.try_get("order_id")?, status: row.try_get("status")?, last: row.try_get("last")? })
    })
    .await
}

/// A message that moved an order on more than once.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("order {order_id}: the message {message_id} ({event}) was applied {times} times")]
pub struct AppliedTwice {
    pub order_id: Uuid,
    pub message_id: Uuid,
    pub event: String,
    pub times: i64,
}

/// # Errors
/// Any database error.
pub async fn applied_twice(db: &mut PgConnection, scope: &Scope) -> Result<Found<AppliedTwice>, sqlx::Error> {
    let checked = sqlx::query_scalar("select count(*) from order_history where message_id is not null")
        .fetch_one(&mut *db)
        .await?;
    let question = sqlx::query(
        "select count(*) over () as total, order_id, message_id, event, count(*) as times from order_history
         where message_id is not null and ($1::timestamptz is null or order_id in (select id from orders where created_at >= $1))
         group by order_id, message_id, event having count(*) > 1
         order by order_id, message_id limit $2",
    )
    .bind(scope.since)
    .bind(scope.limit);
    collect(db, checked, question, |row| {
        Ok(AppliedTwice {
            order_id: row.try_get("order_id")?,
            message_id: row.try_get("message_id")?,
            event: row.try_get("event")?,
            times: row.try_get("times")?,
        })
    })
    .await
}
