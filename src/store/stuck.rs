//! Orders and reservations that did not move on in time. Called by the scheduler's jobs, and by `ops::status` to show them.

use std::collections::HashMap;

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::order_row::read_order;
use super::sagas::Overdue;
use crate::contract::status::{StuckOrder, StuckOrders};
use crate::domain::{Order, OrderId};

/// Notes sagas whose step was not answered in time, and that the order-processor has been told.
///
/// # Errors
/// Any database error.
pub async fn note_overdue(db: &mut PgConnection, overdue: &[Overdue]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into stuck_orders (order_id, waits_for, since, last_done)
         select s.order_id, s.step, s.since, 'told the order-processor that the deadline has passed'
         from sagas s where s.order_id = any($1)
         on conflict (order_id) do update
         set waits_for = excluded.waits_for, since = excluded.since, nudges = stuck_orders.nudges + 1,
             last_done = excluded.last_done, last_at = now()",
    )
    .bind(overdue.iter().map(|saga| saga.order_id.0).collect::<Vec<Uuid>>())
    .execute(db)
    .await?;
    Ok(())
}

/// Takes orders that are pending for two minutes with no message in the outbox and no dead letter that explains it, and notes that
/// they are submitted again. The next try is five minutes later.
///
/// # Errors
/// Any database error.
pub async fn take_pending(db: &mut PgConnection, limit: i64) -> Result<Vec<(Order, String)>, sqlx::Error> {
    let rows = sqlx::query(
        "with pending as (
             select o.id from orders o left join stuck_orders k on k.order_id = o.id
             where o.listed_as = 'open' and o.status = 'pending' and o.updated_at < now() - interval '2 minutes'
               and (k.last_at is null or k.last_at < now() - interval '5 minutes')
               and not exists (select 1 from sagas s where s.order_id = o.id)
               and not exists (select 1 from dead_letters d where d.order_id = o.id and d.state = 'unresolved')
               and not exists (select 1 from outbox limit 1)
             order by o.created_at, o.id limit $1
         ), noted as (
             insert into stuck_orders (order_id, waits_for, since, last_done)
             select o.id, 'the order-processor', o.updated_at, 'submitted again' from orders o join pending on pending.id = o.id
             on conflict (order_id) do update
             set nudges = stuck_orders.nudges + 1, last_done = excluded.last_done, last_at = now()
         )
         select o.id, o.customer_id, o.email, o.phone, o.items, o.total, o.status, o.reason, o.payment_token, o.metadata,
                o.created_at, o.priority, o.confirmed_at, o.shipment, o.delivered_at, o.correlation_id
         from orders o join pending on pending.id = o.id",
    )
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok((read_order(row)?, row.try_get("correlation_id")?))).collect()
}

/// Forgets the orders that have been settled since; answers how many.
///
/// # Errors
/// Any database error.
pub async fn forget_settled(db: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let forgotten = sqlx::query(
        "delete from stuck_orders k using orders o
         where o.id = k.order_id and o.status not in ('pending', 'processing')",
    )
    .execute(db)
    .await?;
    Ok(i64::try_from(forgotten.rows_affected()).unwrap_or(i64::MAX))
}

/// How many orders are stuck, counted no further than `most`, with those `listed` that have waited longest. Those that have been
/// settled since are forgotten soon, and not listed any more. What an order waits for is what its saga waits for now.
///
/// # Errors
/// Any database error.
pub async fn list(db: &mut PgConnection, most: i64, listed: i64) -> Result<StuckOrders, sqlx::Error> {
    let rows = sqlx::query(
        "select k.order_id, o.status, coalesce(s.step, k.waits_for) as waits_for, t.since, k.nudges, k.last_done, k.last_at,
                extract(epoch from clock_timestamp() - t.since)::float8 as waited_seconds
         from (select * from stuck_orders order by since, order_id limit $1) k
         left join orders o on o.id = k.order_id
         left join sagas s on s.order_id = k.order_id
         cross join lateral (select case when s.step <> k.waits_for then s.since else k.since end as since) t
         where o.id is null or o.status in ('pending', 'processing')
         order by t.since, k.order_id",
    )
    .bind(most)
    .fetch_all(&mut *db)
    .await?;
    let first = &rows[..rows.len().min(usize::try_from(listed).unwrap_or(usize::MAX))];
    let ids = first.iter().map(|row| row.try_get("order_id")).collect::<Result<Vec<Uuid>, _>>()?;
    let mut blocked = blocked_by(db, &ids).await?;
    let oldest = first
        .iter()
        .map(|row| {
            let order_id = row.try_get("order_id")?;
            Ok(StuckOrder {
                order_id,
                status: row.try_get("status")?,
                waits_for: row.try_get("waits_for")?,
                blocked_by: blocked.remove(&order_id),
                since: row.try_get("since")?,
                waited_seconds: row.try_get("waited_seconds")?,
                nudges: row.try_get("nudges")?,
                last_done: row.try_get("last_done")?,
                last_at: row.try_get("last_at")?,
            })
        })
        .collect::<Result<Vec<_>, sqlx::Error>>()?;
    Ok(StuckOrders { orders: i64::try_from(rows.len()).unwrap_or(i64::MAX), counted_up_to: most, oldest })
}

/// What keeps these orders from moving on: a hold, or a dead letter.
async fn blocked_by(db: &mut PgConnection, orders: &[Uuid]) -> Result<HashMap<Uuid, String>, sqlx::Error> {
    let rows = sqlx::query(
        "select t.id, coalesce(
             (select 'held by ' || h.by || ': ' || h.reason from order_holds h where h.order_id = t.id),
             (select 'dead letter ' || d.id || ' of ' || coalesce(nullif(d.queue, ''), 'an unknown consumer') || ': ' || d.reason
              from dead_letters d where d.order_id = t.id and d.state in ('unresolved', 'replaying', 'parked')
              order by d.last_failed_at desc, d.id limit 1)) as why
         from unnest($1::uuid[]) as t (id)",
    )
    .bind(orders)
    .fetch_all(db)
    .await?;
    let mut blocked = HashMap::new();
    for row in rows {
        if let Some(why) = row.try_get("why")? {
            blocked.insert(row.try_get("id")?, why);
        }
    }
    Ok(blocked)
}

/// A reservation whose order no longer waits for it.
#[derive(Clone, Copy, Debug)]
pub struct Leftover {
    pub order_id: OrderId,
    /// The order is confirmed: the units are to be sold, not given back.
    pub is_sold: bool,
    /// Unix time of this look in microseconds; part of the message's identity.
    pub touched_micros: i64,
}

/// Takes reservations that are still open ten minutes after their order was settled, or fifteen minutes after they were made for an
/// order that nobody knows, and gives each a grace period by touching it.
///
/// # Errors
/// Any database error.
pub async fn leftover_reservations(db: &mut PgConnection, limit: i64) -> Result<Vec<Leftover>, sqlx::Error> {
    let rows = sqlx::query(
        "with old as (
             select r.order_id, o.status from reservations r left join orders o on o.id = r.order_id
             where r.status = 'reserved' and r.updated_at < now() - interval '10 minutes'
               and (o.status not in ('pending', 'processing')
                    or (o.id is null and r.updated_at < now() - interval '15 minutes'))
             order by r.order_id limit $1 for update of r skip locked
         ), touched as (
             update reservations r set updated_at = now() from old where r.order_id = old.order_id
         )
         select order_id, coalesce(status in ('confirmed', 'shipped', 'delivered'), false) as is_sold,
                (extract(epoch from now()) * 1000000)::bigint as touched_micros
         from old",
    )
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Leftover {
                order_id: OrderId(row.try_get("order_id")?),
                is_sold: row.try_get("is_sold")?,
                touched_micros: row.try_get("touched_micros")?,
            })
        })
        .collect()
}
