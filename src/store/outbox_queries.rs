//! What an operator asks of the outbox: how much waits, what is parked and why; and another turn for what is parked. Called by
//! `ops::status` and by the API's `/outbox`.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::contract::status::{OutboxStatus, ParkedMessage};

/// Parked rows after a place in the outbox, in its order. What cannot be read of a message is left out, not its row.
///
/// # Errors
/// Any database error.
pub async fn parked(db: &mut PgConnection, after: i64, limit: i64) -> Result<Vec<ParkedMessage>, sqlx::Error> {
    let rows = sqlx::query(
        "select position, parked, created_at, extract(epoch from clock_timestamp() - created_at)::float8 as age_seconds,
                message ->> 'message_id' as message_id, message ->> 'kind' as kind,
                message ->> 'exchange' as exchange, message ->> 'routing_key' as routing_key
         from outbox where parked is not null and position > $1 order by position limit $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &PgRow) -> Result<ParkedMessage, sqlx::Error> {
    Ok(ParkedMessage {
        id: row.try_get("position")?,
        message_id: row.try_get("message_id")?,
        kind: row.try_get("kind")?,
        exchange: row.try_get("exchange")?,
        routing_key: row.try_get("routing_key")?,
        reason: row.try_get("parked")?,
        created_at: row.try_get("created_at")?,
        age_seconds: row.try_get("age_seconds")?,
    })
}

/// Gives these rows another turn; answers which of them were parked.
///
/// # Errors
/// Any database error.
pub async fn unpark(db: &mut PgConnection, ids: &[i64]) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "update outbox set parked = null where position = any(array(
             select position from outbox where parked is not null and position = any($1) for update skip locked))
         returning position",
    )
    .bind(ids)
    .fetch_all(db)
    .await
}

/// How much waits (the order makes the count of the parked ones use their index), counted no further than `most`, with the first `listed` of the parked rows.
///
/// # Errors
/// Any database error.
pub async fn summary(db: &mut PgConnection, most: i64, listed: i64) -> Result<OutboxStatus, sqlx::Error> {
    let row = sqlx::query(
        "select (select count(*) from (select 1 from outbox limit $1) as first_ones) as messages,
                (select count(*) from
                     (select 1 from outbox where parked is not null order by position limit $1) as first_ones) as parked,
                (select extract(epoch from clock_timestamp() - created_at)::float8 from outbox order by position limit 1)
                    as oldest_seconds",
    )
    .bind(most)
    .fetch_one(&mut *db)
    .await?;
    let parked_messages: i64 = row.try_get("parked")?;
    Ok(OutboxStatus {
        messages: row.try_get("messages")?,
        counted_up_to: most,
        oldest_seconds: row.try_get("oldest_seconds")?,
        parked: if parked_messages > 0 { parked(db, i64::MIN, listed).await? } else { Vec::new() },
        parked_messages,
    })
}
