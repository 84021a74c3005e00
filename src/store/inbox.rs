//! The inbox gate: a message whose row is here has had its effects, and its row keeps what it caused, to be published again.

use std::collections::HashMap;

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::contract::Outgoing;
use crate::contract::status::InboxStatus;

/// Which of these messages `consumer` has handled before, each with what it caused.
///
/// # Errors
/// Any database error.
pub async fn handled(
    db: &mut PgConnection,
    consumer: &str,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Outgoing>>, sqlx::Error> {
    let rows = sqlx::query("select message_id, outgoing from inbox where consumer = $1 and message_id = any($2)")
        .bind(consumer)
        .bind(ids)
        .fetch_all(db)
        .await?;
    rows.into_iter()
        .map(|row| {
            let outgoing: Option<String> = row.try_get("outgoing")?;
            let outgoing = outgoing.map_or(Ok(Vec::new()), |text| serde_json::from_str(&text));
            Ok((row.try_get("message_id")?, outgoing.map_err(|error| sqlx::Error::Decode(error.into()))?))
        })
        .collect()
}

/// Which of these messages `consumer` has handled.
///
/// # Errors
/// Any database error.
pub async fn known(db: &mut PgConnection, consumer: &str, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar("select message_id from inbox where consumer = $1 and message_id = any($2)")
        .bind(consumer)
        .bind(ids)
        .fetch_all(db)
        .await
}

/// Records messages as handled. A row that is there already (another process was faster, or the message is a repetition) breaks the
/// primary key, and the transaction must be rolled back: [`is_repetition`].
///
/// # Errors
/// Any database error.
pub async fn record(db: &mut PgConnection, consumer: &str, handled: &[(Uuid, &[Outgoing])]) -> Result<(), sqlx::Error> {
    if handled.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = handled.iter().map(|(id, _)| *id).collect();
    let outgoing = handled
        .iter()
        .map(|(_, outgoing)| match outgoing.is_empty() {
            true => Ok(None),
            false => serde_json::to_string(outgoing).map(Some),
        })
        .collect::<Result<Vec<Option<String>>, _>>()
        .map_err(|error| sqlx::Error::Encode(error.into()))?;
    // `on conflict do nothing` would write each row twice as often into the log
    sqlx::query(
        "insert into inbox (consumer, message_id, outgoing)
         select $1, t.id, t.outgoing from unnest($2::uuid[], $3::text[]) as t (id, outgoing)",
    )
    .bind(consumer)
    .bind(&ids)
    .bind(&outgoing)
    .execute(db)
    .await?;
    Ok(())
}

/// Leaves a row for messages that had no effect, so that whoever waits for them sees that they were read.
///
/// # Errors
/// Any database error.
pub async fn note(db: &mut PgConnection, consumer: &str, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into inbox (consumer, message_id) select $1, t.id from unnest($2::uuid[]) as t (id)
         on conflict (consumer, message_id) do nothing",
    )
    .bind(consumer)
    .bind(ids)
    .execute(db)
    .await
    .map(drop)
}

/// Whether this error of [`record`] says that a message has been handled before.
pub fn is_repetition(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.constraint() == Some("inbox_pkey"))
}

/// How many handled messages are remembered and how far back they go, as the database last estimated; nothing before it has done so.
/// Counting would read the whole table.
///
/// # Errors
/// Any database error.
pub async fn estimate(db: &mut PgConnection) -> Result<InboxStatus, sqlx::Error> {
    let row = sqlx::query(
        "select (select nullif(reltuples, -1)::bigint from pg_class where oid = 'inbox'::regclass) as messages,
                (select extract(epoch from clock_timestamp() - (histogram_bounds::text::timestamptz[])[1])::float8
                 from pg_stats where schemaname = current_schema and tablename = 'inbox' and attname = 'received_at')
                    as oldest_seconds",
    )
    .fetch_one(db)
    .await?;
    Ok(InboxStatus { estimated_messages: row.try_get("messages")?, oldest_seconds: row.try_get("oldest_seconds")? })
}
