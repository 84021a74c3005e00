//! Since when something waits in each queue and nothing was taken. Written by `services::queue_ages`, read by `ops::status`.

use std::collections::HashMap;

use sqlx::{PgConnection, Row};

/// One look at one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueDepth {
    pub queue: String,
    pub messages: u32,
    /// Something was taken since the look before: what is at its head now came later.
    pub was_taken: bool,
}

/// Remembers a look. What waited before, and from which nothing was taken, goes on waiting; a queue with fewer messages than before was
/// taken from by somebody who does not report. All times are the database's.
///
/// # Errors
/// Any database error.
pub async fn remember(db: &mut PgConnection, looks: &[QueueDepth]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into queue_ages as q (queue, looked_at, messages, since)
         select t.queue, now(), t.messages, case when t.messages > 0 then now() end
         from unnest($1::text[], $2::bigint[], $3::bool[]) as t (queue, messages, was_taken) order by t.queue
         on conflict (queue) do update set looked_at = excluded.looked_at, messages = excluded.messages,
             since = case
                 when excluded.messages = 0 then null
                 when excluded.messages < q.messages or q.queue in (
                     select u.queue from unnest($1::text[], $3::bool[]) as u (queue, was_taken) where u.was_taken)
                     then excluded.since
                 else coalesce(q.since, excluded.since) end",
    )
    .bind(looks.iter().map(|look| look.queue.as_str()).collect::<Vec<_>>())
    .bind(looks.iter().map(|look| i64::from(look.messages)).collect::<Vec<_>>())
    .bind(looks.iter().map(|look| look.was_taken).collect::<Vec<_>>())
    .execute(db)
    .await
    .map(drop)
}

/// Seconds since when something waits and nothing was taken, by queue, as far as somebody has looked within the last `fresh` seconds.
///
/// # Errors
/// Any database error.
pub async fn untaken(db: &mut PgConnection, fresh: f64) -> Result<HashMap<String, f64>, sqlx::Error> {
    let rows = sqlx::query(
        "select queue, extract(epoch from clock_timestamp() - since)::float8 as seconds from queue_ages
         where since is not null and looked_at > now() - make_interval(secs => $1)",
    )
    .bind(fresh)
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("queue")?, row.try_get("seconds")?))).collect()
}
