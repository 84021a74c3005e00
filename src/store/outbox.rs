//! Messages that wait for the broker, in the order in which they were written. Filled in the transaction of whatever causes the
//! message; emptied by the relay, and by nobody else.

use std::time::Duration;

use sqlx::{PgConnection, Row};
use time::OffsetDateTime;

use crate::contract::Outgoing;

/// A row taken out of the table; it is back there unless the transaction commits.
#[derive(Clone, Debug)]
pub struct TakenRow {
    pub position: i64,
    /// [`Outgoing`] as JSON text, not yet read: one that cannot be read must not hold up the others.
    pub message: String,
    pub created_at: OffsetDateTime,
}

/// A taken row to put back, with the reason why it could not be published.
#[derive(Clone, Copy, Debug)]
pub struct ParkedRow<'a> {
    pub row: &'a TakenRow,
    pub reason: &'a str,
}

/// # Errors
/// When the database is away.
pub async fn add_all(conn: &mut PgConnection, messages: &[Outgoing]) -> Result<(), sqlx::Error> {
    if messages.is_empty() {
        return Ok(());
    }
    let rows = messages
        .iter()
        .map(|message| serde_json::to_string(message).map_err(|error| sqlx::Error::Encode(error.into())))
        .collect::<Result<Vec<_>, _>>()?;
    sqlx::query(
        "insert into outbox (message) \
         select message::json from unnest($1::text[]) with ordinality as new (message, place) order by place",
    )
    .bind(rows)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the oldest rows that are neither parked nor taken by another relay.
///
/// # Errors
/// When the database is away.
pub async fn take(conn: &mut PgConnection, limit: i64) -> Result<Vec<TakenRow>, sqlx::Error> {
    let rows = sqlx::query(
        "delete from outbox where position = any(array( \
             select position from outbox where parked is null order by position limit $1 for update skip locked)) \
         returning position, message::text as message, created_at",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let mut taken = rows
        .into_iter()
        .map(|row| {
            Ok(TakenRow {
                position: row.try_get("position")?,
                message: row.try_get("message")?,
                created_at: row.try_get("created_at")?,
            })
        })
        .collect::<Result<Vec<_>, sqlx::Error>>()?;
    taken.sort_unstable_by_key(|row| row.position);
    Ok(taken)
}

/// Puts taken rows back, out of the way of the others, in their old places.
///
/// # Errors
/// When the database is away.
pub async fn park_all(conn: &mut PgConnection, parked: &[ParkedRow<'_>]) -> Result<(), sqlx::Error> {
    if parked.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into outbox (position, message, created_at, parked) overriding system value \
         select position, message::json, created_at, reason \
         from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::text[]) \
              as old (position, message, created_at, reason)",
    )
    .bind(parked.iter().map(|parked| parked.row.position).collect::<Vec<_>>())
    .bind(parked.iter().map(|parked| parked.row.message.as_str()).collect::<Vec<_>>())
    .bind(parked.iter().map(|parked| parked.row.created_at).collect::<Vec<_>>())
    .bind(parked.iter().map(|parked| parked.reason).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives every parked row another turn and returns how many there were.
///
/// # Errors
/// When the database is away.
pub async fn unpark_all(conn: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let unparked = sqlx::query(
        "update outbox set parked = null where position = any(array( \
             select position from outbox where parked is not null for update skip locked))",
    )
    .execute(conn)
    .await?;
    Ok(unparked.rows_affected())
}

/// How long the oldest message has waited, parked ones included; `None` when nothing waits. For metrics and readiness.
///
/// # Errors
/// When the database is away.
pub async fn oldest_age(conn: &mut PgConnection) -> Result<Option<Duration>, sqlx::Error> {
    let seconds: Option<f64> = sqlx::query_scalar(
        "select extract(epoch from clock_timestamp() - created_at)::float8 from outbox order by position limit 1",
    )
    .fetch_optional(conn)
    .await?;
    Ok(seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
}

/// How many messages are parked. For metrics: above zero for longer than the relay's retry pause, the topology needs repair.
///
/// # Errors
/// When the database is away.
pub async fn count_parked(conn: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from outbox where parked is not null").fetch_one(conn).await
}
