//! What the world was told: each event of an order recorded once, none without a cause.

use serde::Serialize;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::scope::{Fate, Found, Scope, collect, fate};
use crate::store::dead_letters::State;

/// An event that an order with this fate has announced, or may have.
#[derive(Clone, Copy, Debug)]
pub struct EventRule {
    pub fate: Fate,
    pub routing_key: &'static str,
    /// Whether it must be there; otherwise it may.
    pub required: bool,
}

/// An event that was recorded another number of times than once.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("order {order_id}: {routing_key} was recorded {times} times instead of {due}")]
pub struct EventCount {
    pub order_id: Uuid,
    pub routing_key: String,
    pub times: i64,
    /// 1, or 0 when nothing explains it.
    pub due: i64,
}

/// Judges the routing keys that the rules name; others belong to other publishers.
///
/// `queue`: where events wait to be recorded.
///
/// # Errors
/// Any database error.
pub async fn events(
    db: &mut PgConnection,
    scope: &Scope,
    rules: &[EventRule],
    judged: &[Fate],
    queue: &str,
) -> Result<Found<EventCount>, sqlx::Error> {
    let keys: Vec<&str> = rules.iter().map(|rule| rule.routing_key).collect();
    let checked = sqlx::query_scalar("select count(*) from recorded_events where routing_key = any($1)")
        .bind(&keys)
        .fetch_one(&mut *db)
        .await?;
    let question = sqlx::query(concat!(
        "with rule as (select * from unnest($1::text[], $2::text[], $3::bool[]) as r (fate, routing_key, required)),
         due as (
             select o.id as order_id, r.routing_key, r.required, o.updated_at
             from orders o join rule r on r.fate = ",
        fate!(),
        "
             where $4::timestamptz is null or o.created_at >= $4
         ), recorded as (
             select order_id, routing_key, count(*) as times from recorded_events
             where order_id is not null and routing_key = any($2)
               and ($4::timestamptz is null or order_id in (select id from orders where created_at >= $4))
             group by order_id, routing_key
         )
         select count(*) over () as total, order_id, routing_key, coalesce(e.times, 0) as times,
                (d.required is not null)::int::bigint as due
         from due d full join recorded e using (order_id, routing_key)
         where case
             when e.times is null then d.required and d.updated_at < $5 and not exists (
                 select from dead_letters l where l.order_id = d.order_id and l.queue = $6 and l.state <> $7)
             when d.required is null then not exists (select from orders o where o.id = e.order_id and ",
        fate!(),
        " <> all($8))
             else e.times <> 1 end
         order by order_id, routing_key limit $9",
    ))
    .bind(rules.iter().map(|rule| rule.fate.name()).collect::<Vec<_>>())
    .bind(&keys)
    .bind(rules.iter().map(|rule| rule.required).collect::<Vec<_>>())
    .bind(scope.since)
    .bind(scope.cutoff)
    .bind(queue)
    .bind(State::Resolved.as_str())
    .bind(judged.iter().map(|fate| fate.name()).collect::<Vec<_>>())
    .bind(scope.limit);
    collect(db, checked, question, |row| {
        Ok(EventCount {
            order_id: row.try_get("order_id")?,
            routing_key: row.try_get("routing_key")?,
            times: row.try_get("times")?,
            due: row.try_get("due")?,
        })
    })
    .await
}
