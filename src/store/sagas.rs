//! Orders in progress: read and locked, moved on, written back, all set by set. Called by `lifecycle` and by the scheduler.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::decode::{json, json_column};
use super::order_row::read_order;
use crate::domain::saga::{FailureReason, State, Step};
use crate::domain::{Order, OrderId};

/// An order and where its saga stands.
#[derive(Clone, Debug)]
pub struct Progress {
    pub order: Order,
    pub state: State,
    pub correlation_id: String,
    /// Whether a step was running when the order was locked.
    pub had_step: bool,
}

/// Locks the orders, in one order for all processes so that none waits in a circle, and reads them.
///
/// Two statements: whoever waited for the lock sees the order as it is then, but the saga beside it as it was when the statement
/// began, which is before whoever held the lock moved it on.
///
/// # Errors
/// Any database error; a row that breaks a rule of the domain is a decode error.
pub async fn lock(db: &mut PgConnection, ids: &[OrderId]) -> Result<HashMap<OrderId, Progress>, sqlx::Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query("select from orders where id = any($1) order by id for update").bind(&ids).execute(&mut *db).await?;
    let rows = sqlx::query(
        "select o.id, o.customer_id, o.email, o.phone, o.items, o.total, o.status, o.reason, o.payment_token,
                o.metadata, o.correlation_id, o.created_at, o.priority, o.confirmed_at, o.shipment, o.delivered_at,
                s.step, s.reason::text as step_reason
         from orders o left join sagas s on s.order_id = o.id
         where o.id = any($1)",
    )
    .bind(&ids)
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| progress(row).map(|progress| (progress.order.id, progress))).collect()
}

fn progress(row: &PgRow) -> Result<Progress, sqlx::Error> {
    let order = read_order(row)?;
    let reason: Option<FailureReason> = json_column(row, "step_reason")?;
    let step = match (row.try_get::<Option<&str>, _>("step")?, reason) {
        (None, _) => None,
        (Some("reserving_stock"), _) => Some(Step::ReservingStock),
        (Some("taking_payment"), _) => Some(Step::TakingPayment),
        (Some("cancelling_payment"), Some(reason)) => Some(Step::CancellingPayment { reason }),
        (Some("releasing_stock"), Some(reason)) => Some(Step::ReleasingStock { reason }),
        (Some("refunding_payment"), Some(reason)) => Some(Step::RefundingPayment { reason }),
        (Some("returning_stock"), Some(reason)) => Some(Step::ReturningStock { reason }),
        (Some(step), _) => return Err(sqlx::Error::Decode(format!("saga step {step} without its reason").into())),
    };
    let state = State { status: order.status, step };
    let had_step = state.step.is_some();
    Ok(Progress { order, state, correlation_id: row.try_get("correlation_id")?, had_step })
}

/// One line of an order's history.
#[derive(Clone, Debug)]
pub struct HistoryLine {
    pub order_id: OrderId,
    pub event: &'static str,
    pub status: &'static str,
    pub step: Option<&'static str>,
    /// Why, as a sentence.
    pub detail: Option<String>,
    /// Who, as in `operator:anna` or `system:order-processor`.
    pub actor: String,
    /// The message that caused it; `None` for what a person asked for.
    pub message_id: Option<Uuid>,
    /// Of the request, where there is no message.
    pub correlation_id: Option<String>,
}

/// Everything that a batch changes, in one statement. The lines of the history have the order in which they were given. Deadlines are
/// counted on the database's clock, so that a worker whose clock is wrong shortens nobody's time.
const SAVE: &str = "with changed as (
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::timestamptz[],
                              $7::text[], $8::text[], $9::float8[], $10::boolean[])
             as t (id, status, reason, confirmed_at, shipment, delivered_at, step, step_reason, seconds, had_step)
     ), moved as (
         update orders o set status = t.status, reason = t.reason, confirmed_at = t.confirmed_at,
                             shipment = t.shipment::jsonb, delivered_at = t.delivered_at, updated_at = now()
         from changed t where o.id = t.id and o.status <> t.status
     ), begun as (
         insert into sagas (order_id, step, reason, since, deadline)
         select id, step, step_reason::jsonb, now(), now() + make_interval(secs => seconds)
         from changed where step is not null and not had_step
     ), gone_on as (
         update sagas s set step = t.step, reason = t.step_reason::jsonb, since = now(),
                            deadline = now() + make_interval(secs => t.seconds)
         from changed t where s.order_id = t.id and t.step is not null and t.had_step
     ), ended as (
         delete from sagas s using changed t where s.order_id = t.id and t.step is null and t.had_step
     )
     insert into order_history (order_id, event, status, step, detail, actor, message_id, correlation_id)
     select * from unnest($11::uuid[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::uuid[], $18::text[])";

/// Writes back what has changed: statuses, for each order either its running step or the end of its saga, and the lines of its history.
///
/// # Errors
/// Any database error.
pub async fn save(
    db: &mut PgConnection,
    changed: &[&Progress],
    patience: impl Fn(&Step) -> Duration,
    lines: &[HistoryLine],
) -> Result<(), sqlx::Error> {
    let shipments = changed
        .iter()
        .map(|progress| progress.order.shipment.as_ref().map(json).transpose())
        .collect::<Result<Vec<Option<String>>, _>>()?;
    let steps: Vec<Option<&Step>> = changed.iter().map(|progress| progress.state.step.as_ref()).collect();
    let step_reasons = steps
        .iter()
        .map(|step| step.and_then(Step::reason).map(json).transpose())
        .collect::<Result<Vec<Option<String>>, _>>()?;
    sqlx::query(SAVE)
        .bind(changed.iter().map(|progress| progress.order.id.0).collect::<Vec<_>>())
        .bind(changed.iter().map(|progress| progress.state.status.as_str()).collect::<Vec<_>>())
        .bind(changed.iter().map(|progress| progress.order.reason.as_deref()).collect::<Vec<_>>())
        .bind(changed.iter().map(|progress| progress.order.confirmed_at).collect::<Vec<_>>())
        .bind(shipments)
        .bind(changed.iter().map(|progress| progress.order.delivered_at).collect::<Vec<_>>())
        .bind(steps.iter().map(|step| step.map(Step::as_str)).collect::<Vec<_>>())
        .bind(step_reasons)
        .bind(steps.iter().map(|step| step.map(|step| patience(step).as_secs_f64())).collect::<Vec<_>>())
        .bind(changed.iter().map(|progress| progress.had_step).collect::<Vec<_>>())
        .bind(lines.iter().map(|line| line.order_id.0).collect::<Vec<_>>())
        .bind(lines.iter().map(|line| line.event).collect::<Vec<_>>())
        .bind(lines.iter().map(|line| line.status).collect::<Vec<_>>())
        .bind(lines.iter().map(|line| line.step).collect::<Vec<_>>())
        .bind(lines.iter().map(|line| line.detail.as_deref()).collect::<Vec<_>>())
        .bind(lines.iter().map(|line| line.actor.as_str()).collect::<Vec<_>>())
        .bind(lines.iter().map(|line| line.message_id).collect::<Vec<_>>())
        .bind(lines.iter().map(|line| line.correlation_id.as_deref()).collect::<Vec<_>>())
        .execute(db)
        .await?;
    Ok(())
}

/// A saga whose step was not answered in time.
#[derive(Clone, Debug)]
pub struct Overdue {
    pub order_id: OrderId,
    pub step: String,
    pub correlation_id: String,
    /// Unix time of the missed deadline in microseconds; part of the message's identity.
    pub deadline_micros: i64,
}

/// Takes up to `limit` overdue sagas and gives each a grace period, so that the next look does not find them again at once.
///
/// # Errors
/// Any database error.
pub async fn take_overdue(db: &mut PgConnection, limit: i64, grace: Duration) -> Result<Vec<Overdue>, sqlx::Error> {
    let rows = sqlx::query(
        "with late as (
             select order_id, step, deadline from sagas where deadline < now() order by deadline limit $1 for update skip locked
         ), postponed as (
             update sagas s set deadline = now() + make_interval(secs => $2) from late where s.order_id = late.order_id
         )
         select late.order_id, late.step, o.correlation_id,
                (extract(epoch from late.deadline) * 1000000)::bigint as deadline_micros
         from late join orders o on o.id = late.order_id",
    )
    .bind(limit)
    .bind(grace.as_secs_f64())
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Overdue {
                order_id: OrderId(row.try_get("order_id")?),
                step: row.try_get("step")?,
                correlation_id: row.try_get("correlation_id")?,
                deadline_micros: row.try_get("deadline_micros")?,
            })
        })
        .collect()
}
