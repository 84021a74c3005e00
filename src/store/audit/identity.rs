//! Whether what was sent and recorded carries the id that the order gives it: an id of another origin would have passed the inbox
//! gate as something new. PostgreSQL cannot derive these ids itself, so all rows are streamed past the domain's function.

use futures_util::TryStreamExt;
use serde::Serialize;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres, Row};
use uuid::Uuid;

use super::scope::{Found, Scope};
use crate::domain::OrderId;

/// A message that the order did not cause.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("order {order_id}: {step} has the message id {found} instead of {expected}")]
pub struct ForeignId {
    pub order_id: Uuid,
    pub step: String,
    pub found: Uuid,
    pub expected: Uuid,
}

/// Of notifications that were sent once; repeated ones are counted elsewhere.
///
/// # Errors
/// Any database error.
pub async fn delivery_ids(db: &mut PgConnection, scope: &Scope) -> Result<Found<ForeignId>, sqlx::Error> {
    let question = sqlx::query(
        "select d.order_id, d.kind as step, d.message_id from notification_deliveries d
         where ($1::timestamptz is null or d.order_id in (select id from orders where created_at >= $1))
           and not exists (select from notification_deliveries e where e.order_id = d.order_id
                           and e.channel = d.channel and e.kind = d.kind and e.message_id <> d.message_id)",
    )
    .bind(scope.since);
    compare(db, scope, question).await
}

/// Of events with these routing keys that were recorded once.
///
/// # Errors
/// Any database error.
pub async fn event_ids(
    db: &mut PgConnection,
    scope: &Scope,
    routing_keys: &[&str],
) -> Result<Found<ForeignId>, sqlx::Error> {
    let question = sqlx::query(
        "select d.order_id, d.routing_key as step, d.message_id from recorded_events d
         where d.order_id is not null and d.routing_key = any($2)
           and ($1::timestamptz is null or d.order_id in (select id from orders where created_at >= $1))
           and not exists (select from recorded_events e where e.order_id = d.order_id
                           and e.routing_key = d.routing_key and e.message_id <> d.message_id)",
    )
    .bind(scope.since)
    .bind(routing_keys);
    compare(db, scope, question).await
}

async fn compare(
    db: &mut PgConnection,
    scope: &Scope,
    question: Query<'_, Postgres, PgArguments>,
) -> Result<Found<ForeignId>, sqlx::Error> {
    let mut answer = Found { checked: 0, total: 0, violations: Vec::new() };
    let mut rows = question.fetch(db);
    while let Some(row) = rows.try_next().await? {
        answer.checked += 1;
        if let Some(foreign) = judge(&row)? {
            answer.total += 1;
            if answer.total <= scope.limit {
                answer.violations.push(foreign);
            }
        }
    }
    drop(rows);
    answer.violations.sort_by(|one, other| (one.order_id, &one.step).cmp(&(other.order_id, &other.step)));
    Ok(answer)
}

fn judge(row: &PgRow) -> Result<Option<ForeignId>, sqlx::Error> {
    let (order_id, step, found): (Uuid, &str, Uuid) =
        (row.try_get("order_id")?, row.try_get("step")?, row.try_get("message_id")?);
    let expected = OrderId(order_id).message_id(step);
    Ok((found != expected).then(|| ForeignId { order_id, step: step.to_owned(), found, expected }))
}
