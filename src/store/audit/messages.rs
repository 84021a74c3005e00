//! The outbox and the dead letters: what waits, what was put aside and why.

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::scope::{Found, Scope, collect};
use crate::store::dead_letters::State;

/// A message that no relay has published in time, or one that was parked.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error(
    "outbox row {position} ({kind}, message {}) waits since {created_at}{}",
    message_id.map_or("unreadable".to_owned(), |id| id.to_string()),
    parked.as_ref().map(|reason| format!(", parked: {reason}")).unwrap_or_default()
)]
pub struct OutboxRow {
    pub position: i64,
    pub message_id: Option<Uuid>,
    pub kind: String,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    pub parked: Option<String>,
}

/// # Errors
/// Any database error.
pub async fn stale_outbox(db: &mut PgConnection, scope: &Scope) -> Result<Found<OutboxRow>, sqlx::Error> {
    let checked = sqlx::query_scalar("select count(*) from outbox").fetch_one(&mut *db).await?;
    let question = sqlx::query(
        "select count(*) over () as total, position, message ->> 'message_id' as message_id, message ->> 'kind' as kind,
                created_at, parked
         from outbox where parked is null and created_at < $1 order by position limit $2",
    )
    .bind(scope.cutoff)
    .bind(scope.limit);
    collect(db, checked, question, outbox_row).await
}

/// Rows that the broker did not want; the relay tries them again by itself.
///
/// # Errors
/// Any database error.
pub async fn parked(db: &mut PgConnection, scope: &Scope) -> Result<Found<OutboxRow>, sqlx::Error> {
    let question = sqlx::query(
        "select count(*) over () as total, position, message ->> 'message_id' as message_id, message ->> 'kind' as kind,
                created_at, parked
         from outbox where parked is not null order by position limit $1",
    )
    .bind(scope.limit);
    collect(db, 0, question, outbox_row).await
}

fn outbox_row(row: &PgRow) -> Result<OutboxRow, sqlx::Error> {
    let message_id: Option<&str> = row.try_get("message_id")?;
    Ok(OutboxRow {
        position: row.try_get("position")?,
        message_id: message_id.and_then(|text| Uuid::parse_str(text).ok()),
        kind: row.try_get::<Option<String>, _>("kind")?.unwrap_or_default(),
        created_at: row.try_get("created_at")?,
        parked: row.try_get("parked")?,
    })
}

/// Dead letters that are not resolved, by queue and reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadLetterCount {
    pub queue: String,
    pub reason: String,
    pub state: String,
    pub number: i64,
}

/// # Errors
/// Any database error.
pub async fn dead_letters(db: &mut PgConnection) -> Result<Vec<DeadLetterCount>, sqlx::Error> {
    sqlx::query(
        "select queue, reason, state, count(*) as number from dead_letters where state <> $1
         group by queue, reason, state order by queue, reason, state",
    )
    .bind(State::Resolved.as_str())
    .try_map(|row: PgRow| {
        Ok(DeadLetterCount {
            queue: row.try_get("queue")?,
            reason: row.try_get("reason")?,
            state: row.try_get("state")?,
            number: row.try_get("number")?,
        })
    })
    .fetch_all(db)
    .await
}
