//! Reading `order_history` as a stream, and the secrets of tracking links. Called by `tracking` only; writes nothing.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::decode::decode;
use crate::contract::tracking::Transition;
use crate::domain::{CustomerId, OrderId};

/// Which transactions a statement could see: all below `xmin` have ended, none from `xmax` on had begun (`pg_snapshot`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub xmin: i64,
    pub xmax: i64,
}

/// A range of ids, both ends included.
pub type Range = (i64, i64);

/// For each order at most `limit` transitions after the given position; together, in the order of their ids.
///
/// # Errors
/// When the database is away, or a stored value breaks the rule of its type.
pub async fn of_orders(
    conn: &mut PgConnection,
    watched: &[(OrderId, i64)],
    limit: i64,
) -> Result<Vec<Transition>, sqlx::Error> {
    sqlx::query(
        "select h.id, h.order_id, h.at, h.event, h.status, h.step, h.detail, h.actor, h.message_id, h.correlation_id
         from unnest($1::uuid[], $2::bigint[]) as watched (order_id, after)
         cross join lateral (
             select * from order_history h where h.order_id = watched.order_id and h.id > watched.after order by h.id limit $3
         ) h
         order by h.id",
    )
    .bind(watched.iter().map(|(order, _)| order.0).collect::<Vec<_>>())
    .bind(watched.iter().map(|(_, after)| *after).collect::<Vec<_>>())
    .bind(limit)
    .try_map(|row: PgRow| transition(&row))
    .fetch_all(conn)
    .await
}

/// The newest id that can be seen, and what could be seen then. Ids below it may still be on their way.
///
/// # Errors
/// When the database is away.
pub async fn newest(conn: &mut PgConnection) -> Result<(i64, Snapshot), sqlx::Error> {
    let row = sqlx::query(
        "select (select coalesce(max(id), 0) from order_history) as newest,
                pg_snapshot_xmin(s)::text::bigint as xmin, pg_snapshot_xmax(s)::text::bigint as xmax
         from pg_current_snapshot() s",
    )
    .fetch_one(conn)
    .await?;
    Ok((row.try_get("newest")?, snapshot(&row)?))
}

/// At most `limit` transitions of each range, in the order of their ids, and what the statement could see.
///
/// # Errors
/// When the database is away, or a stored value breaks the rule of its type.
pub async fn in_ranges(
    conn: &mut PgConnection,
    ranges: &[Range],
    limit: i64,
) -> Result<(Vec<Transition>, Snapshot), sqlx::Error> {
    // the outer join gives a row with the snapshot also when there is nothing to read
    let rows = sqlx::query(
        "select pg_snapshot_xmin(s)::text::bigint as xmin, pg_snapshot_xmax(s)::text::bigint as xmax,
                h.id, h.order_id, h.at, h.event, h.status, h.step, h.detail, h.actor, h.message_id, h.correlation_id
         from pg_current_snapshot() s left join (
             unnest($1::bigint[], $2::bigint[]) as range (low, high)
             cross join lateral (
                 select * from order_history h where h.id between range.low and range.high order by h.id limit $3
             ) h
         ) on true
         order by h.id",
    )
    .bind(ranges.iter().map(|range| range.0).collect::<Vec<_>>())
    .bind(ranges.iter().map(|range| range.1).collect::<Vec<_>>())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let seen = snapshot(rows.first().ok_or(sqlx::Error::RowNotFound)?)?;
    let found = rows.iter().filter(|row| row.try_get::<Option<i64>, _>("id").is_ok_and(|id| id.is_some()));
    Ok((found.map(transition).collect::<Result<_, _>>()?, seen))
}

/// Which of these orders belong to one of these customers, and to whom.
///
/// # Errors
/// When the database is away, or a stored value breaks the rule of its type.
pub async fn owners(
    conn: &mut PgConnection,
    orders: &[OrderId],
    customers: &[&CustomerId],
) -> Result<Vec<(OrderId, CustomerId)>, sqlx::Error> {
    sqlx::query("select id, customer_id from orders where id = any($1) and customer_id = any($2)")
        .bind(orders.iter().map(|order| order.0).collect::<Vec<_>>())
        .bind(customers.iter().map(|customer| customer.as_str()).collect::<Vec<_>>())
        .try_map(|row: PgRow| Ok((OrderId(row.try_get("id")?), customer(&row)?)))
        .fetch_all(conn)
        .await
}

/// For each customer at most `limit` transitions of their orders after the given position and up to `end`, in the order of their
/// ids.
///
/// # Errors
/// When the database is away, or a stored value breaks the rule of its type.
pub async fn of_customers(
    conn: &mut PgConnection,
    watched: &[(&CustomerId, i64)],
    end: i64,
    limit: i64,
) -> Result<Vec<(CustomerId, Transition)>, sqlx::Error> {
    sqlx::query(
        "select watched.customer_id, h.id, h.order_id, h.at, h.event, h.status, h.step, h.detail, h.actor, h.message_id, h.correlation_id
         from unnest($1::text[], $2::bigint[]) as watched (customer_id, after)
         cross join lateral (
             select h.* from orders o join order_history h on h.order_id = o.id
             where o.customer_id = watched.customer_id and h.id > watched.after and h.id <= $3
             order by h.id limit $4
         ) h
         order by h.id",
    )
    .bind(watched.iter().map(|(customer, _)| customer.as_str()).collect::<Vec<_>>())
    .bind(watched.iter().map(|(_, after)| *after).collect::<Vec<_>>())
    .bind(end)
    .bind(limit)
    .try_map(|row: PgRow| Ok((customer(&row)?, transition(&row)?)))
    .fetch_all(conn)
    .await
}

/// The secrets of tracking links with their numbers, the newest first.
///
/// # Errors
/// When the database is away.
pub async fn keys(conn: &mut PgConnection) -> Result<Vec<(i16, Vec<u8>)>, sqlx::Error> {
    sqlx::query_as("select id, secret from tracking_keys order by id desc").fetch_all(conn).await
}

fn customer(row: &PgRow) -> Result<CustomerId, sqlx::Error> {
    decode(CustomerId::parse(row.try_get::<String, _>("customer_id")?))
}

fn snapshot(row: &PgRow) -> Result<Snapshot, sqlx::Error> {
    Ok(Snapshot { xmin: row.try_get("xmin")?, xmax: row.try_get("xmax")? })
}

fn transition(row: &PgRow) -> Result<Transition, sqlx::Error> {
    Ok(Transition {
        id: row.try_get("id")?,
        order_id: OrderId(row.try_get::<Uuid, _>("order_id")?),
        at: row.try_get("at")?,
        event: row.try_get("event")?,
        status: decode(row.try_get::<&str, _>("status")?.parse())?,
        step: row.try_get("step")?,
        detail: row.try_get("detail")?,
        actor: row.try_get("actor")?,
        message_id: row.try_get("message_id")?,
        correlation_id: row.try_get("correlation_id")?,
    })
}
