//! Orders and reservations that did not move on in time. Called by the scheduler's jobs, and by `ops::status` to show them.

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
             where o.status = 'pending' and o.updated_at < now() - interval '2 minutes'
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
/// settled since are forgotten soon, and not listed any more.
///
/// # Errors
/// Any database error.
pub async fn list(db: &mut PgConnection, most: i64, listed: i64) -> Result<StuckOrders, sqlx::Error> {
    let rows = sqlx::query(
        "select k.order_id, o.status, k.waits_for, k.since, k.nudges, k.last_done, k.last_at,
                extract(epoch from clock_timestamp() - k.since)::float8 as waited_seconds
         from (select * from stuck_orders order by since, order_id limit $1) k
         left join orders o on o.id = k.order_id
         where o.id is null or o.status in ('pending', 'processing')
         order by k.since, k.order_id",
    )
    .bind(most)
    .fetch_all(db)
    .await?;
    let oldest = rows
        .iter()
        .take(usize::try_from(listed).unwrap_or(usize::MAX))
        .map(|row| {
            Ok(StuckOrder {
                order_id: row.try_get("order_id")?,
                status: row.try_get("status")?,
                waits_for: row.try_get("waits_for")?,
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
