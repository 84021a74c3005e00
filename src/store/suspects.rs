//! Messages that run alone because processes have died with them in hand. A row is written before the run and removed after it, so
//! a row that is found counts the runs from which nobody came back.

use sqlx::PgPool;
use uuid::Uuid;

/// Marks the start of a run alone; answers how many earlier ones never ended.
///
/// # Errors
/// Any database error.
pub async fn mark(db: &PgPool, consumer: &str, message_id: Uuid) -> Result<i32, sqlx::Error> {
    let runs: i32 = sqlx::query_scalar(
        "insert into suspects (consumer, message_id) values ($1, $2)
         on conflict (consumer, message_id) do update set runs = suspects.runs + 1, last_at = now()
         returning runs",
    )
    .bind(consumer)
    .bind(message_id)
    .fetch_one(db)
    .await?;
    Ok(runs - 1)
}

/// The run has ended, well or not.
///
/// # Errors
/// Any database error.
pub async fn clear(db: &PgPool, consumer: &str, message_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("delete from suspects where consumer = $1 and message_id = $2")
        .bind(consumer)
        .bind(message_id)
        .execute(db)
        .await?;
    Ok(())
}
