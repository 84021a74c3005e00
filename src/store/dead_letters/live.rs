//! What the live status tells of dead letters: the causes with the most letters that wait, and the replays that have not ended. Each
//! costs the same however many letters there are.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::operations::under_way;
use crate::contract::status::{OpenGroup, OpenGroups, ReplayStatus};

/// The groups with the most letters that wait, the largest first. `most`: letters are counted no further.
///
/// # Errors
/// Any database error.
pub async fn open_groups(db: &mut PgConnection, most: i64, listed: i64) -> Result<OpenGroups, sqlx::Error> {
    let largest = sqlx::query(
        "select g.id, g.error, g.queue, g.reason, w.letters, g.first_seen, g.last_seen, g.state, g.owner, m.last_hour,
             m.hour_before, count(*) over () as groups
         from (select group_id, count(*) as letters
               from (select group_id from dead_letters where state = 'unresolved' and group_id is not null limit $1) d
               group by group_id) w
         join dead_letter_groups g on g.id = w.group_id
         cross join lateral (
             select coalesce(sum(failures) filter (where minute > now() - interval '1 hour'), 0)::bigint as last_hour,
                 coalesce(sum(failures) filter (where minute <= now() - interval '1 hour'), 0)::bigint as hour_before
             from dead_letter_minutes m where m.group_id = g.id and minute > now() - interval '2 hours') m
         order by w.letters desc, g.last_seen desc, g.id limit $2",
    )
    .bind(most)
    .bind(listed)
    .try_map(|row: PgRow| Ok((row.try_get::<i64, _>("groups")?, read(&row)?)))
    .fetch_all(db)
    .await?;
    let groups = largest.first().map_or(0, |(groups, _)| *groups);
    Ok(OpenGroups { counted_up_to: most, groups, largest: largest.into_iter().map(|(_, group)| group).collect() })
}

fn read(row: &PgRow) -> Result<OpenGroup, sqlx::Error> {
    Ok(OpenGroup {
        id: row.try_get("id")?,
        cause: row.try_get("error")?,
        queue: row.try_get("queue")?,
        reason: row.try_get("reason")?,
        letters: row.try_get("letters")?,
        since: row.try_get("first_seen")?,
        last_seen: row.try_get("last_seen")?,
        last_hour: row.try_get("last_hour")?,
        hour_before: row.try_get("hour_before")?,
        state: row.try_get("state")?,
        owner: row.try_get("owner")?,
    })
}

/// Replays that run or are paused, the newest first.
///
/// # Errors
/// Any database error.
pub async fn replays_under_way(db: &mut PgConnection, limit: i64) -> Result<Vec<ReplayStatus>, sqlx::Error> {
    let replays = under_way(db, limit).await?;
    Ok(replays
        .into_iter()
        .map(|replay| ReplayStatus {
            ended: replay.total - replay.waiting() - replay.sent,
            id: replay.id,
            operator: replay.operator,
            selection: replay.selection,
            state: replay.state.as_str().to_owned(),
            state_reason: replay.state_reason,
            total: replay.total,
            applied: replay.applied,
            failed: replay.failed,
            sent: replay.sent,
            since: replay.created_at,
        })
        .collect())
}
