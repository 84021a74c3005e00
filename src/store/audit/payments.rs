//! Payments against the fate of their orders: money is held for what was confirmed, exactly its price, and for nothing else.

use serde::Serialize;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::scope::{Found, Outcome, OutcomeRule, Scope, collect, fate};
use crate::domain::payment::PaymentStatus;
use crate::store::dead_letters::State;

/// Money that is held for nothing, or not held for something.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error(
    "order {order_id} is {}, its payment is {}",
    status.as_deref().unwrap_or("unknown"), payment.as_deref().unwrap_or("missing")
)]
pub struct WrongPayment {
    pub order_id: Uuid,
    pub status: Option<String>,
    pub payment: Option<String>,
    /// Whether a message that is still on its way would put it right.
    pub awaited: bool,
}

/// There is at most one payment per order by the table's key, so "exactly one" is "one".
///
/// `queue`: where the messages wait that settle a payment.
///
/// # Errors
/// Any database error.
pub async fn wrong_payments(
    db: &mut PgConnection,
    scope: &Scope,
    rules: &[OutcomeRule],
    queue: &str,
) -> Result<Found<WrongPayment>, sqlx::Error> {
    let question = sqlx::query(concat!(
        "with rule as (select * from unnest($1::text[], $2::text[], $3::text[]) as r (fate, beside, outcome)),
         pairs as (
             select coalesce(o.id, p.order_id) as order_id, o.status, p.status as payment, rule.outcome,
                    greatest(o.updated_at, p.updated_at, r.requested_at) as changed_at
             from orders o full join payments p on p.order_id = o.id left join payment_refunds r on r.order_id = o.id
             left join rule on rule.fate = ",
        fate!(),
        " and rule.beside = coalesce(p.status || case when r.order_id is null then '' else ', refund asked' end, '')
             where $4::timestamptz is null or o.created_at >= $4
         )
         select count(*) over () as total, p.* from pairs p
         where (p.status is null and p.payment = $5 and p.changed_at < $6)
            or p.outcome = $7
            or (p.outcome = $8 and p.changed_at < $6 and not exists (
                select from dead_letters l where l.order_id = p.order_id and l.queue = $9 and l.state <> $10))
         order by p.order_id limit $11",
    ))
    .bind(rules.iter().map(|rule| rule.fate.name()).collect::<Vec<_>>())
    .bind(rules.iter().map(|rule| rule.beside).collect::<Vec<_>>())
    .bind(rules.iter().map(|rule| rule.outcome.as_str()).collect::<Vec<_>>())
    .bind(scope.since)
    .bind(PaymentStatus::Taken.as_str())
    .bind(scope.cutoff)
    .bind(Outcome::Wrong.as_str())
    .bind(Outcome::Awaited.as_str())
    .bind(queue)
    .bind(State::Resolved.as_str())
    .bind(scope.limit);
    collect(db, scope.orders, question, |row| {
        Ok(WrongPayment {
            order_id: row.try_get("order_id")?,
            status: row.try_get("status")?,
            payment: row.try_get("payment")?,
            awaited: row.try_get::<Option<&str>, _>("outcome")? == Some(Outcome::Awaited.as_str()),
        })
    })
    .await
}

/// A customer who paid something else than the price.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("order {order_id} costs {total}, taken was {}", amount.as_deref().unwrap_or("nothing known"))]
pub struct WrongAmount {
    pub order_id: Uuid,
    /// Decimal text, as is the amount: what breaks the rules of [`crate::domain::Money`] must be shown as well.
    pub total: String,
    pub amount: Option<String>,
}

/// # Errors
/// Any database error.
pub async fn wrong_amounts(db: &mut PgConnection, scope: &Scope) -> Result<Found<WrongAmount>, sqlx::Error> {
    let checked = sqlx::query_scalar("select count(*) from payments where status = $1")
        .bind(PaymentStatus::Taken.as_str())
        .fetch_one(&mut *db)
        .await?;
    let question = sqlx::query(
        "select count(*) over () as total, o.id, o.total::text as price, p.amount::text as amount
         from orders o join payments p on p.order_id = o.id
         where p.status = $1 and p.amount is distinct from o.total and ($2::timestamptz is null or o.created_at >= $2)
         order by o.id limit $3",
    )
    .bind(PaymentStatus::Taken.as_str())
    .bind(scope.since)
    .bind(scope.limit);
    collect(db, checked, question, |row| {
        Ok(WrongAmount { order_id: row.try_get("id")?, total: row.try_get("price")?, amount: row.try_get("amount")? })
    })
    .await
}
