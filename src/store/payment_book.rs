//! What surrounds a payment's record: every call to the gateway, whom to answer when a result comes later, refunds that operators
//! asked for, webhooks by their ids. Written by the payment-service and by the intake; read by the HTTP API.

use serde::Serialize;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres, Row};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::decode::decode;
use super::payments::Payment;
use crate::domain::payment::{AttemptOutcome, Call, PaymentStatus, Settling};
use crate::domain::{CustomerId, Money, OrderId, OrderStatus};

/// One call to the gateway, or one word of it.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub order_id: OrderId,
    pub call: Call,
    /// Of the message that asked, from 1.
    pub attempt: Option<u32>,
    pub outcome: AttemptOutcome,
    pub reference: Option<String>,
    /// The decline code, or the error.
    pub detail: Option<String>,
}

/// Attempts in the parameters 1 to 6, as [`bind_attempts`] binds them.
macro_rules! insert_attempts {
    () => {
        "insert into payment_attempts (order_id, call, attempt, outcome, reference, detail)
         select * from unnest($1::uuid[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::text[])"
    };
}

fn bind_attempts<'q>(
    query: Query<'q, Postgres, PgArguments>,
    attempts: &'q [Attempt],
) -> Query<'q, Postgres, PgArguments> {
    let number = |attempt: &Attempt| attempt.attempt.map(|number| i32::try_from(number).unwrap_or(i32::MAX));
    query
        .bind(attempts.iter().map(|a| a.order_id.0).collect::<Vec<_>>())
        .bind(attempts.iter().map(|a| a.call.as_str()).collect::<Vec<_>>())
        .bind(attempts.iter().map(number).collect::<Vec<_>>())
        .bind(attempts.iter().map(|a| a.outcome.as_str()).collect::<Vec<_>>())
        .bind(attempts.iter().map(|a| a.reference.as_deref()).collect::<Vec<_>>())
        .bind(attempts.iter().map(|a| a.detail.as_deref()).collect::<Vec<_>>())
}

/// # Errors
/// Any database error.
pub async fn note_attempts(db: &mut PgConnection, attempts: &[Attempt]) -> Result<(), sqlx::Error> {
    if attempts.is_empty() {
        return Ok(());
    }
    bind_attempts(sqlx::query(insert_attempts!()), attempts).execute(db).await?;
    Ok(())
}

/// Notes calls, and inserts payments that had no row under [`super::payments::lock`], in one round trip. A payment that another
/// transaction has made meanwhile breaks the primary key, and the batch is decided again one by one.
///
/// # Errors
/// Any database error.
pub async fn record(db: &mut PgConnection, new: &[Payment], attempts: &[Attempt]) -> Result<(), sqlx::Error> {
    if new.is_empty() {
        return note_attempts(db, attempts).await;
    }
    let query = sqlx::query(concat!(
        "with noted as (",
        insert_attempts!(),
        ")
         insert into payments (order_id, customer_id, amount, status, reference, decline_code)
         select * from unnest($7::uuid[], $8::text[], $9::numeric[], $10::text[], $11::text[], $12::text[])",
    ));
    bind_attempts(query, attempts)
        .bind(new.iter().map(|p| p.order_id.0).collect::<Vec<_>>())
        .bind(new.iter().map(|p| p.customer_id.as_ref().map(CustomerId::as_str)).collect::<Vec<_>>())
        .bind(new.iter().map(|p| p.amount.map(Money::amount)).collect::<Vec<_>>())
        .bind(new.iter().map(|p| p.status.as_str()).collect::<Vec<_>>())
        .bind(new.iter().map(|p| p.reference.as_deref()).collect::<Vec<_>>())
        .bind(new.iter().map(|p| p.decline_code.as_deref()).collect::<Vec<_>>())
        .execute(db)
        .await?;
    Ok(())
}

/// Who waits for the result of a pending payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    pub order_id: OrderId,
    /// The message that asked.
    pub request_id: Uuid,
    pub reply_to: String,
    pub correlation_id: Option<String>,
}

/// Keeps the requesters until the result comes; of several for one payment the first.
///
/// # Errors
/// Any database error.
pub async fn put_aside(db: &mut PgConnection, requesters: &[Requester]) -> Result<(), sqlx::Error> {
    if requesters.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into pending_payments (order_id, request_id, reply_to, correlation_id)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) on conflict do nothing",
    )
    .bind(requesters.iter().map(|r| r.order_id.0).collect::<Vec<_>>())
    .bind(requesters.iter().map(|r| r.request_id).collect::<Vec<_>>())
    .bind(requesters.iter().map(|r| r.reply_to.as_str()).collect::<Vec<_>>())
    .bind(requesters.iter().map(|r| r.correlation_id.as_deref()).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}

/// Takes out who waits for these payments.
///
/// # Errors
/// Any database error.
pub async fn take_requesters(db: &mut PgConnection, orders: &[OrderId]) -> Result<Vec<Requester>, sqlx::Error> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query(
        "delete from pending_payments where order_id = any($1)
         returning order_id, request_id, reply_to, correlation_id",
    )
    .bind(orders.iter().map(|order| order.0).collect::<Vec<_>>())
    .try_map(|row: PgRow| {
        Ok(Requester {
            order_id: OrderId(row.try_get("order_id")?),
            request_id: row.try_get("request_id")?,
            reply_to: row.try_get("reply_to")?,
            correlation_id: row.try_get("correlation_id")?,
        })
    })
    .fetch_all(db)
    .await
}

/// The order of a payment, as far as its money is concerned.
#[derive(Clone, Debug)]
pub struct Debt {
    pub customer_id: CustomerId,
    pub total: Money,
    pub status: OrderStatus,
    pub correlation_id: String,
}

/// `None`: the payment was asked for by somebody who has no order here.
///
/// # Errors
/// Any database error.
pub async fn debt(db: &mut PgConnection, order: OrderId) -> Result<Option<Debt>, sqlx::Error> {
    let row = sqlx::query("select customer_id, total, status, correlation_id from orders where id = $1")
        .bind(order.0)
        .fetch_optional(db)
        .await?;
    row.map(|row| {
        Ok(Debt {
            customer_id: decode(CustomerId::parse(row.try_get::<String, _>("customer_id")?))?,
            total: decode(Money::new(row.try_get("total")?))?,
            status: decode(row.try_get::<&str, _>("status")?.parse())?,
            correlation_id: row.try_get("correlation_id")?,
        })
    })
    .transpose()
}

/// Makes the row of a payment whose result is faster than the answer to its charge; one that is there stays as it is.
///
/// # Errors
/// Any database error.
pub async fn open(db: &mut PgConnection, order: OrderId, debt: &Debt) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into payments (order_id, customer_id, amount, status) values ($1, $2, $3, $4) on conflict do nothing",
    )
    .bind(order.0)
    .bind(debt.customer_id.as_str())
    .bind(debt.total.amount())
    .bind(PaymentStatus::Pending.as_str())
    .execute(db)
    .await?;
    Ok(())
}

/// Whether the webhook had its effect before.
///
/// # Errors
/// Any database error.
pub async fn knows_webhook(db: &mut PgConnection, id: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from payment_webhooks where id = $1)").bind(id).fetch_one(db).await
}

/// Remembers the webhook's id; `false` when another transaction was faster, and this one must be rolled back.
///
/// # Errors
/// Any database error.
pub async fn remember_webhook(
    db: &mut PgConnection,
    id: &str,
    kind: &str,
    order: OrderId,
    effect: Settling,
) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query(
        "insert into payment_webhooks (id, kind, order_id, effect) values ($1, $2, $3, $4) on conflict do nothing",
    )
    .bind(id)
    .bind(kind)
    .bind(order.0)
    .bind(effect.as_str())
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Notes that an operator wants the money given back; `false` when that was asked for before.
///
/// # Errors
/// Any database error.
pub async fn ask_refund(
    db: &mut PgConnection,
    order: OrderId,
    reason: &str,
    requested_by: &str,
) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query(
        "insert into payment_refunds (order_id, reason, requested_by) values ($1, $2, $3) on conflict do nothing",
    )
    .bind(order.0)
    .bind(reason)
    .bind(requested_by)
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// A payment as people look at it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(examples(json!({
    "order_id": "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90", "status": "taken", "amount": 39.98, "reference": "ch_1", "decline_code": null,
    "created_at": "2026-11-21T01:52:28.102333Z", "updated_at": "2026-11-21T01:52:28.102333Z", "refund": null,
    "attempts": [{
        "at": "2026-11-21T01:52:28.102333Z", "call": "charge", "attempt": 1, "outcome": "taken", "reference": "ch_1", "detail": null
    }]
})))]
pub struct PaymentDetails {
    pub order_id: OrderId,
    /// `pending`, `taken`, `declined`, `cancelled` or `refunded`; `null` before the gateway has answered.
    pub status: Option<String>,
    pub amount: Option<Money>,
    /// The gateway's name for the last thing that happened.
    pub reference: Option<String>,
    pub decline_code: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub created_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub updated_at: Option<OffsetDateTime>,
    pub refund: Option<RefundDetails>,
    /// Oldest first.
    pub attempts: Vec<AttemptDetails>,
}

impl PaymentDetails {
    /// Leaves out what only operators understand: why a call failed.
    pub fn without_failures(&mut self) {
        for attempt in &mut self.attempts {
            if attempt.outcome == AttemptOutcome::Failed.as_str() {
                attempt.detail = None;
            }
        }
    }
}

/// Who asked for the refund, and why.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefundDetails {
    pub reason: String,
    pub requested_by: String,
    #[serde(with = "time::serde::rfc3339")]
    pub requested_at: OffsetDateTime,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AttemptDetails {
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// `charge`, `refund` or `webhook`.
    pub call: String,
    /// Of the request, from 1; `null` for webhooks.
    pub attempt: Option<i32>,
    /// `taken`, `declined`, `pending`, `refunded`, `nothing_held` or `failed`.
    pub outcome: String,
    pub reference: Option<String>,
    pub detail: Option<String>,
}

/// `None` when there is no such order.
///
/// # Errors
/// Any database error.
pub async fn find(db: &mut PgConnection, order: OrderId) -> Result<Option<PaymentDetails>, sqlx::Error> {
    let row = sqlx::query(
        "select p.status, p.amount, p.reference, p.decline_code, p.created_at, p.updated_at, r.reason, r.requested_by,
                r.requested_at
         from orders o left join payments p on p.order_id = o.id left join payment_refunds r on r.order_id = o.id
         where o.id = $1",
    )
    .bind(order.0)
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let attempts = sqlx::query(
        "select at, call, attempt, outcome, reference, detail from payment_attempts where order_id = $1 order by id",
    )
    .bind(order.0)
    .try_map(|row: PgRow| {
        Ok(AttemptDetails {
            at: row.try_get("at")?,
            call: row.try_get("call")?,
            attempt: row.try_get("attempt")?,
            outcome: row.try_get("outcome")?,
            reference: row.try_get("reference")?,
            detail: row.try_get("detail")?,
        })
    })
    .fetch_all(db)
    .await?;
    let refund = match row.try_get::<Option<String>, _>("reason")? {
        Some(reason) => Some(RefundDetails {
            reason,
            requested_by: row.try_get("requested_by")?,
            requested_at: row.try_get("requested_at")?,
        }),
        None => None,
    };
    Ok(Some(PaymentDetails {
        order_id: order,
        status: row.try_get("status")?,
        amount: row.try_get::<Option<_>, _>("amount")?.map(|amount| decode(Money::new(amount))).transpose()?,
        reference: row.try_get("reference")?,
        decline_code: row.try_get("decline_code")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        refund,
        attempts,
    }))
}
