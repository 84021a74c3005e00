//! Runs that were begun and never ended, by message: the process died in them. `messaging::isolate` writes a row before it runs a
//! message that came back to its queue, and removes it afterwards. The row of a message that was given to the operator stays, so that
//! every further copy goes the same way; the scheduler removes it by age.

use std::collections::HashSet;

use sqlx::PgPool;
use uuid::Uuid;

/// Whether `consumer` has any.
///
/// # Errors
/// Any database error.
pub async fn any(db: &PgPool, consumer: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from suspects where consumer = $1)").bind(consumer).fetch_one(db).await
}

/// Which of these messages have been begun and not ended.
///
/// # Errors
/// Any database error.
pub async fn known(db: &PgPool, consumer: &str, ids: &[Uuid]) -> Result<HashSet<Uuid>, sqlx::Error> {
    let known: Vec<Uuid> =
        sqlx::query_scalar("select message_id from suspects where consumer = $1 and message_id = any($2)")
            .bind(consumer)
            .bind(ids)
            .fetch_all(db)
            .await?;
    Ok(known.into_iter().collect())
}

/// Marks the start of a run among others; each id once.
///
/// # Errors
/// Any database error.
pub async fn begin_in_company(db: &PgPool, consumer: &str, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into suspects (consumer, message_id, runs, in_company) select $1, id, 0, 1 from unnest($2::uuid[]) as t (id)
         on conflict (consumer, message_id) do update set in_company = suspects.in_company + 1, last_at = now()",
    )
    .bind(consumer)
    .bind(ids)
    .execute(db)
    .await?;
    Ok(())
}

/// Marks the start of a run alone; answers how many earlier ones never ended, at most `limit`. An operator's replay starts at none.
///
/// # Errors
/// Any database error.
pub async fn begin_alone(
    db: &PgPool,
    consumer: &str,
    message_id: Uuid,
    replays: u32,
    limit: i32,
) -> Result<i32, sqlx::Error> {
    let runs: i32 = sqlx::query_scalar(
        "insert into suspects (consumer, message_id, replays) values ($1, $2, $3)
         on conflict (consumer, message_id) do update set
             runs = case when excluded.replays > suspects.replays then 1 else least(suspects.runs, $4) + 1 end,
             replays = greatest(suspects.replays, excluded.replays), last_at = now()
         returning runs",
    )
    .bind(consumer)
    .bind(message_id)
    .bind(i32::try_from(replays).unwrap_or(i32::MAX))
    .bind(limit)
    .fetch_one(db)
    .await?;
    Ok(runs - 1)
}

/// The run alone did not come to its end and will be taken up among others: its dependency is down.
///
/// # Errors
/// Any database error.
pub async fn postpone(db: &PgPool, consumer: &str, message_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update suspects set runs = runs - 1, in_company = in_company + 1 where consumer = $1 and message_id = $2",
    )
    .bind(consumer)
    .bind(message_id)
    .execute(db)
    .await?;
    Ok(())
}

/// The runs of these messages have ended, well or not.
///
/// # Errors
/// Any database error.
pub async fn clear(db: &PgPool, consumer: &str, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query("delete from suspects where consumer = $1 and message_id = any($2)")
        .bind(consumer)
        .bind(ids)
        .execute(db)
        .await?;
    Ok(())
}
