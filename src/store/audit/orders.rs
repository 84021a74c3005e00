//! Orders and their sagas: accepted ones are there, each is settled or waits for something that will come.

use serde::Serialize;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::scope::{Found, Scope, collect};
use crate::domain::OrderStatus;
use crate::store::dead_letters::State;

/// A status and a saga that do not fit each other.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("order {order_id} is {status} while its saga waits for {}", step.as_deref().unwrap_or("nothing"))]
pub struct ImpossibleState {
    pub order_id: Uuid,
    pub status: String,
    pub step: Option<String>,
}

/// `possible`: the status and the step that may stand together.
///
/// # Errors
/// Any database error.
pub async fn impossible_states(
    db: &mut PgConnection,
    scope: &Scope,
    possible: &[(OrderStatus, Option<&'static str>)],
) -> Result<Found<ImpossibleState>, sqlx::Error> {
    let question = sqlx::query(
        "select count(*) over () as total, o.id, o.status, s.step
         from orders o left join sagas s on s.order_id = o.id
         where ($1::timestamptz is null or o.created_at >= $1)
           and (o.status, coalesce(s.step, '')) not in (select * from unnest($2::text[], $3::text[]))
         order by o.id limit $4",
    )
    .bind(scope.since)
    .bind(possible.iter().map(|(status, _)| status.as_str()).collect::<Vec<_>>())
    .bind(possible.iter().map(|(_, step)| step.unwrap_or_default()).collect::<Vec<_>>())
    .bind(scope.limit);
    collect(db, scope.orders, question, |row| {
        Ok(ImpossibleState { order_id: row.try_get("id")?, status: row.try_get("status")?, step: row.try_get("step")? })
    })
    .await
}

/// An unfinished order that nothing will move on.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Stranded {
    #[error("order {order_id} was accepted and is neither in the outbox nor with the order-processor")]
    NeverStarted { order_id: Uuid },
    #[error("order {order_id} waits for {step} since {since}, and the deadline {deadline} has passed unnoticed")]
    Overdue {
        order_id: Uuid,
        step: String,
        #[serde(with = "time::serde::rfc3339")]
        since: OffsetDateTime,
        #[serde(with = "time::serde::rfc3339")]
        deadline: OffsetDateTime,
    },
}

/// Orders without a saga that wait in `fresh`, and sagas past their deadline (plus grace) or older than `patience_seconds`,
/// unless the outbox or a dead letter explains them.
///
/// # Errors
/// Any database error.
pub async fn stranded(
    db: &mut PgConnection,
    scope: &Scope,
    fresh: OrderStatus,
    patience_seconds: f64,
) -> Result<Found<Stranded>, sqlx::Error> {
    let checked = sqlx::query_scalar(
        "select count(*) from orders o
         where ($1::timestamptz is null or created_at >= $1)
           and (status = $2 or exists (select from sagas where order_id = o.id))",
    )
    .bind(scope.since)
    .bind(fresh.as_str())
    .fetch_one(&mut *db)
    .await?;
    let question = sqlx::query(
        "with unfinished as (
             select o.id, s.step, s.since, s.deadline from orders o left join sagas s on s.order_id = o.id
             where ($1::timestamptz is null or o.created_at >= $1)
               and ((s.order_id is null and o.status = $2 and o.updated_at < $3)
                    or s.deadline < $3 or s.since < $4 - make_interval(secs => $5))
         ), waiting as (
             select coalesce(message -> 'body' ->> 'order_id', message -> 'body' ->> 'id') as order_id from outbox
         )
         select count(*) over () as total, u.* from unfinished u
         where not exists (select from waiting w where w.order_id = u.id::text)
           and not exists (select from dead_letters l where l.order_id = u.id and l.state <> $6)
         order by u.id limit $7",
    )
    .bind(scope.since)
    .bind(fresh.as_str())
    .bind(scope.cutoff)
    .bind(scope.now)
    .bind(patience_seconds)
    .bind(State::Resolved.as_str())
    .bind(scope.limit);
    collect(db, checked, question, |row| {
        let order_id = row.try_get("id")?;
        Ok(match row.try_get::<Option<String>, _>("step")? {
            None => Stranded::NeverStarted { order_id },
            Some(step) => {
                Stranded::Overdue { order_id, step, since: row.try_get("since")?, deadline: row.try_get("deadline")? }
            }
        })
    })
    .await
}

/// An answer that promises an order which is not there.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("order {order_id} was answered as accepted at {accepted_at} and is not there")]
pub struct Vanished {
    pub order_id: Uuid,
    #[serde(with = "time::serde::rfc3339")]
    pub accepted_at: OffsetDateTime,
}

/// # Errors
/// Any database error.
pub async fn vanished(db: &mut PgConnection, scope: &Scope) -> Result<Found<Vanished>, sqlx::Error> {
    let checked =
        sqlx::query_scalar("select count(*) from idempotency_keys where $1::timestamptz is null or created_at >= $1")
            .bind(scope.since)
            .fetch_one(&mut *db)
            .await?;
    let question = sqlx::query(
        "select count(*) over () as total, k.order_id, k.created_at
         from idempotency_keys k left join orders o on o.id = k.order_id
         where o.id is null and ($1::timestamptz is null or k.created_at >= $1)
         order by k.order_id limit $2",
    )
    .bind(scope.since)
    .bind(scope.limit);
    collect(db, checked, question, |row| {
        Ok(Vanished { order_id: row.try_get("order_id")?, accepted_at: row.try_get("created_at")? })
    })
    .await
}
