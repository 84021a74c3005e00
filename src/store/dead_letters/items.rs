//! The messages of a replay, one by one. Written by its runner alone.

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use utoipa::ToSchema;
use uuid::Uuid;

use super::operation_state::ItemState;
use super::row::State;
use crate::store::decode::decode;
use crate::store::text::storable;

/// A message that waits to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    pub position: i32,
    pub letter: Uuid,
    pub group: Option<Uuid>,
    /// It was sent before, and nobody knows whether the broker has it.
    pub is_in_doubt: bool,
}

/// The next of an operation, in their order.
///
/// # Errors
/// Any database error.
pub async fn waiting(db: &mut PgConnection, operation: Uuid, limit: i64) -> Result<Vec<Waiting>, sqlx::Error> {
    sqlx::query(
        "select position, dead_letter_id, group_id, message_id is not null as is_in_doubt from replay_items
         where operation_id = $1 and state = 'waiting' order by position limit $2",
    )
    .bind(operation)
    .bind(limit)
    .try_map(|row: PgRow| {
        Ok(Waiting {
            position: row.try_get("position")?,
            letter: row.try_get("dead_letter_id")?,
            group: row.try_get("group_id")?,
            is_in_doubt: row.try_get("is_in_doubt")?,
        })
    })
    .fetch_all(db)
    .await
}

/// A message that is on its way.
#[derive(Clone, Debug)]
pub struct OnItsWay {
    pub position: i32,
    pub group: Option<Uuid>,
    pub message_id: Uuid,
    pub letter: LetterNow,
    /// It was sent so many seconds ago.
    pub sent_for: f64,
}

/// The letter of a message that is on its way, as it is now.
#[derive(Clone, Debug)]
pub enum LetterNow {
    There {
        queue: String,
        state: State,
        error: String,
        /// Whether this operation was the last to claim it.
        is_ours: bool,
    },
    /// Its time was over, and it was deleted.
    Gone {
        /// Whether any consumer has handled the message.
        is_handled: bool,
    },
}

/// # Errors
/// Any database error.
pub async fn on_their_way(db: &mut PgConnection, operation: Uuid) -> Result<Vec<OnItsWay>, sqlx::Error> {
    sqlx::query(
        "select i.position, i.group_id, i.message_id, d.queue, d.state, d.error, coalesce(d.operation_id = $1, false) as is_ours,
             extract(epoch from clock_timestamp() - i.sent_at)::float8 as sent_for,
             d.id is null and exists(select 1 from inbox n where n.message_id = i.message_id) as is_handled
         from replay_items i left join dead_letters d on d.id = i.dead_letter_id
         where i.operation_id = $1 and i.state = 'sent'",
    )
    .bind(operation)
    .try_map(|row: PgRow| {
        let letter = match row.try_get::<Option<&str>, _>("state")? {
            None => LetterNow::Gone { is_handled: row.try_get("is_handled")? },
            Some(state) => LetterNow::There {
                queue: row.try_get("queue")?,
                state: decode(state.parse())?,
                error: row.try_get("error")?,
                is_ours: row.try_get("is_ours")?,
            },
        };
        Ok(OnItsWay {
            position: row.try_get("position")?,
            group: row.try_get("group_id")?,
            message_id: row.try_get("message_id")?,
            letter,
            sent_for: row.try_get("sent_for")?,
        })
    })
    .fetch_all(db)
    .await
}

/// What has become of one message.
#[derive(Clone, Debug)]
pub struct Change {
    pub position: i32,
    pub to: ItemState,
    pub detail: Option<String>,
    /// What the inbox knows it by; only for what is sent, or perhaps sent.
    pub message_id: Option<Uuid>,
}

/// Writes what has become of messages, and counts what each was before: whoever cancels may have kept it meanwhile. What has ended
/// stays as it is.
///
/// # Errors
/// Any database error.
pub async fn change(db: &mut PgConnection, operation: Uuid, changes: &[Change]) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "with new as (
             select * from unnest($2::int[], $3::text[], $4::text[], $5::uuid[]) as t (position, state, detail, message_id)
         ), old as (
             select i.position, i.state from replay_items i join new using (position)
             where i.operation_id = $1 and i.state in ('waiting', 'sent', 'kept')
                 and (new.state <> 'waiting' or i.state = 'waiting') for update of i
         ), changed as (
             update replay_items i set state = new.state, detail = new.detail,
                 message_id = coalesce(new.message_id, i.message_id),
                 sent_at = case when new.state = 'sent' then clock_timestamp() else i.sent_at end,
                 ended_at = case when new.state not in ('sent', 'waiting') then clock_timestamp() end
             from old join new using (position)
             where i.operation_id = $1 and i.position = old.position
             returning old.state as before, new.state as after
         ), moved as (
             select state, sum(by)::int as by
             from (select before as state, -1 as by from changed union all select after, 1 from changed) m group by state
         )
         update replay_operations o set
             sent = sent + coalesce((select by from moved where state = 'sent'), 0),
             applied = applied + coalesce((select by from moved where state = 'applied'), 0),
             failed = failed + coalesce((select by from moved where state = 'failed'), 0),
             skipped = skipped + coalesce((select by from moved where state = 'skipped'), 0),
             unseen = unseen + coalesce((select by from moved where state = 'unseen'), 0),
             kept = kept + coalesce((select by from moved where state = 'kept'), 0)
         where o.id = $1",
    )
    .bind(operation)
    .bind(changes.iter().map(|change| change.position).collect::<Vec<_>>())
    .bind(changes.iter().map(|change| change.to.as_str()).collect::<Vec<_>>())
    .bind(changes.iter().map(|change| change.detail.as_deref().map(storable)).collect::<Vec<_>>())
    .bind(changes.iter().map(|change| change.message_id).collect::<Vec<_>>())
    .execute(db)
    .await
    .map(drop)
}

/// Keeps what waits, of one group or of all; answers how many.
///
/// # Errors
/// Any database error.
pub async fn keep(
    db: &mut PgConnection,
    operation: Uuid,
    group: Option<Option<Uuid>>,
    why: &str,
) -> Result<u64, sqlx::Error> {
    let kept = sqlx::query(
        "update replay_items set state = 'kept', detail = $4, ended_at = clock_timestamp()
         where operation_id = $1 and state = 'waiting' and ($2 or group_id is not distinct from $3)",
    )
    .bind(operation)
    .bind(group.is_none())
    .bind(group.flatten())
    .bind(storable(why))
    .execute(&mut *db)
    .await?
    .rows_affected();
    sqlx::query("update replay_operations set kept = kept + $2 where id = $1")
        .bind(operation)
        .bind(i32::try_from(kept).unwrap_or(i32::MAX))
        .execute(db)
        .await?;
    Ok(kept)
}

/// Gives those on their way their time anew: nobody could take them while the broker was away.
///
/// # Errors
/// Any database error.
pub async fn be_patient(db: &mut PgConnection, operation: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("update replay_items set sent_at = clock_timestamp() where operation_id = $1 and state = 'sent'")
        .bind(operation)
        .execute(db)
        .await
        .map(drop)
}

/// Remembers how many are sent at once, for whoever resumes the operation.
///
/// # Errors
/// Any database error.
pub async fn stage(db: &mut PgConnection, operation: Uuid, stage: i32) -> Result<(), sqlx::Error> {
    sqlx::query("update replay_operations set stage = $2 where id = $1")
        .bind(operation)
        .bind(stage)
        .execute(db)
        .await
        .map(drop)
}

/// How a group fares in an operation.
#[derive(Clone, Debug)]
pub struct Tally {
    pub group: Option<Uuid>,
    pub applied: i64,
    pub failed: i64,
    pub kept: i64,
}

/// By group; those with failures first.
///
/// # Errors
/// Any database error.
pub async fn tallies(db: &mut PgConnection, operation: Uuid) -> Result<Vec<Tally>, sqlx::Error> {
    sqlx::query(
        "select group_id, count(*) filter (where state = 'applied') as applied,
             count(*) filter (where state = 'failed') as failed, count(*) filter (where state = 'kept') as kept
         from replay_items where operation_id = $1 group by group_id order by failed desc, group_id",
    )
    .bind(operation)
    .try_map(|row: PgRow| {
        Ok(Tally {
            group: row.try_get("group_id")?,
            applied: row.try_get("applied")?,
            failed: row.try_get("failed")?,
            kept: row.try_get("kept")?,
        })
    })
    .fetch_all(db)
    .await
}

/// What became of one message, for people.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ReplayItem)]
pub struct Item {
    /// Of the dead letter.
    pub id: Uuid,
    pub state: ItemState,
    pub detail: Option<String>,
}

/// What failed again first, then in their order.
///
/// # Errors
/// Any database error.
pub async fn items(db: &mut PgConnection, operation: Uuid, limit: i64) -> Result<Vec<Item>, sqlx::Error> {
    sqlx::query(
        "(select dead_letter_id, state, detail, 0 as rank, position from replay_items
          where operation_id = $1 and state = 'failed' order by position limit $2)
         union all
         (select dead_letter_id, state, detail, 1, position from replay_items
          where operation_id = $1 and state <> 'failed' order by position limit $2)
         order by rank, position limit $2",
    )
    .bind(operation)
    .bind(limit)
    .try_map(|row: PgRow| {
        Ok(Item {
            id: row.try_get("dead_letter_id")?,
            state: decode(row.try_get::<&str, _>("state")?.parse())?,
            detail: row.try_get("detail")?,
        })
    })
    .fetch_all(db)
    .await
}
