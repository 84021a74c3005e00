//! What operators have stopped: consumers and orders. Written by their commands, read by every process once a second.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::text::storable;
use crate::contract::status::{Stopped, StoppedKind};

/// What a process has to know before it takes messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// Paused consumers by queue, with the reason.
    pub paused: BTreeMap<String, String>,
    pub any_holds: bool,
    /// Queues with messages of orders that wait for an operator.
    pub with_dead: HashSet<String>,
}

/// `ordered`: the queues that keep the order of an order's messages.
///
/// # Errors
/// Any database error.
pub async fn board(db: &mut PgConnection, ordered: &[&str]) -> Result<Board, sqlx::Error> {
    let row = sqlx::query(
        "select (select coalesce(array_agg(queue order by queue), '{}') from paused_consumers) as queues,
             (select coalesce(array_agg(reason order by queue), '{}') from paused_consumers) as reasons,
             exists(select 1 from order_holds) as any_holds,
             array(select q from unnest($1::text[]) as q where exists(
                 select 1 from dead_letters d where d.queue = q and d.order_id is not null
                     and d.state in ('unresolved', 'parked', 'replaying'))) as with_dead",
    )
    .bind(ordered)
    .fetch_one(db)
    .await?;
    let (queues, reasons): (Vec<String>, Vec<String>) = (row.try_get("queues")?, row.try_get("reasons")?);
    Ok(Board {
        paused: queues.into_iter().zip(reasons).collect(),
        any_holds: row.try_get("any_holds")?,
        with_dead: row.try_get::<Vec<String>, _>("with_dead")?.into_iter().collect(),
    })
}

/// One message, as far as it matters for its order.
#[derive(Clone, Copy, Debug)]
pub struct OfOrder {
    pub order_id: Uuid,
    pub message_id: Uuid,
    /// It comes from a replay, which sees to the sequence itself.
    pub is_replay: bool,
}

/// Which of these messages must wait, with the reason: their order is held, or where `queue` keeps the order, an earlier message of
/// the same order is dead.
///
/// # Errors
/// Any database error.
pub async fn waiting(
    db: &mut PgConnection,
    queue: &str,
    keeps_order: bool,
    messages: &[OfOrder],
) -> Result<HashMap<Uuid, String>, sqlx::Error> {
    let rows = sqlx::query(
        "select t.message_id, coalesce(
             (select 'the order is held: ' || h.reason from order_holds h where h.order_id = t.order_id),
             case when $4 and not t.is_replay then (
                 select 'an earlier message of the order is a dead letter: ' || d.id from dead_letters d
                 where d.queue = $5 and d.order_id = t.order_id and d.message_id <> t.message_id
                     and d.state in ('unresolved', 'parked', 'replaying') limit 1) end) as why
         from unnest($1::uuid[], $2::uuid[], $3::bool[]) as t (order_id, message_id, is_replay)",
    )
    .bind(messages.iter().map(|message| message.order_id).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.message_id).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.is_replay).collect::<Vec<_>>())
    .bind(keeps_order)
    .bind(queue)
    .fetch_all(db)
    .await?;
    let mut waiting = HashMap::new();
    for row in rows {
        if let Some(why) = row.try_get::<Option<String>, _>("why")? {
            waiting.insert(row.try_get("message_id")?, why);
        }
    }
    Ok(waiting)
}

/// Stops the consumers of a queue, or changes the reason.
///
/// # Errors
/// Any database error.
pub async fn pause(db: &mut PgConnection, queue: &str, reason: &str, by: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into paused_consumers (queue, reason, by) values ($1, $2, $3)
         on conflict (queue) do update set reason = excluded.reason, by = excluded.by",
    )
    .bind(queue)
    .bind(storable(reason))
    .bind(by)
    .execute(db)
    .await
    .map(drop)
}

/// Answers whether they were stopped.
///
/// # Errors
/// Any database error.
pub async fn resume(db: &mut PgConnection, queue: &str) -> Result<bool, sqlx::Error> {
    let resumed = sqlx::query("delete from paused_consumers where queue = $1").bind(queue).execute(db).await?;
    Ok(resumed.rows_affected() == 1)
}

/// Holds an order, or changes the reason.
///
/// # Errors
/// Any database error.
pub async fn hold(db: &mut PgConnection, order: Uuid, reason: &str, by: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into order_holds (order_id, reason, by) values ($1, $2, $3)
         on conflict (order_id) do update set reason = excluded.reason, by = excluded.by",
    )
    .bind(order)
    .bind(storable(reason))
    .bind(by)
    .execute(db)
    .await
    .map(drop)
}

/// Answers whether it was held.
///
/// # Errors
/// Any database error.
pub async fn let_go(db: &mut PgConnection, order: Uuid) -> Result<bool, sqlx::Error> {
    let released = sqlx::query("delete from order_holds where order_id = $1").bind(order).execute(db).await?;
    Ok(released.rows_affected() == 1)
}

/// Paused consumers, then held orders; the oldest first.
///
/// # Errors
/// Any database error.
pub async fn stopped(db: &mut PgConnection, limit: i64) -> Result<Vec<Stopped>, sqlx::Error> {
    sqlx::query(
        "select is_order, what, reason, by, at from (
             select false as is_order, queue as what, reason, by, at from paused_consumers
             union all select true, order_id::text, reason, by, at from order_holds) s order by is_order, at limit $1",
    )
    .bind(limit)
    .try_map(|row: PgRow| {
        Ok(Stopped {
            kind: if row.try_get("is_order")? { StoppedKind::Order } else { StoppedKind::Consumer },
            what: row.try_get("what")?,
            reason: row.try_get("reason")?,
            by: row.try_get("by")?,
            at: row.try_get("at")?,
        })
    })
    .fetch_all(db)
    .await
}

/// A parked letter whose turn has come.
///
/// The first of each order in each queue of `consumers` (queue, name in the inbox), once nothing of the order is dead or held, and
/// what was sent before it has been handled. What did not concern its consumer leaves no trace there; it is waited for as long as the
/// ladder is, no longer.
///
/// # Errors
/// Any database error.
pub async fn releasable(db: &mut PgConnection, consumers: &[(&str, &str)]) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "select distinct on (d.queue, d.order_id) d.id
         from dead_letters d join unnest($1::text[], $2::text[]) as c (queue, consumer) on c.queue = d.queue
         where d.state = 'parked'
             and not exists (select 1 from order_holds h where h.order_id = d.order_id)
             and not exists (
                 select 1 from dead_letters e
                 where e.queue = d.queue and e.order_id = d.order_id and e.id <> d.id
                     and (e.state in ('unresolved', 'replaying')
                         or (e.state = 'resolved' and e.state_reason = 'replayed'
                             and e.state_changed_at > now() - interval '5 minutes'
                             and not exists (select 1 from inbox i where i.consumer = c.consumer and i.message_id = e.message_id))))
         order by d.queue, d.order_id, d.last_failed_at, d.id
         limit 100",
    )
    .bind(consumers.iter().map(|(queue, _)| *queue).collect::<Vec<_>>())
    .bind(consumers.iter().map(|(_, consumer)| *consumer).collect::<Vec<_>>())
    .fetch_all(db)
    .await
}
