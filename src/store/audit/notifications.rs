//! What customers were told: each notification once per channel, none without a cause.

use serde::Serialize;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::scope::{Fate, Found, Scope, collect, fate};
use crate::domain::notification::{Channel, Kind};
use crate::domain::payment::PaymentStatus;
use crate::store::dead_letters::State;

/// One line of the table "who is told what, through which channel".
#[derive(Clone, Copy, Debug)]
pub struct NotificationRule {
    pub fate: Fate,
    /// Only for orders whose payment stands so; `None` for all.
    pub payment: Option<PaymentStatus>,
    pub channel: Channel,
    pub kind: Kind,
    /// Only for customers who gave a phone number.
    pub needs_phone: bool,
    /// Whether it must have been sent; otherwise it may.
    pub required: bool,
    /// Where it waits to be sent.
    pub queue: &'static str,
}

/// A notification that was sent another number of times than once.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("order {order_id}: {kind} by {channel} was sent {times} times instead of {due}")]
pub struct DeliveryCount {
    pub order_id: Uuid,
    pub channel: String,
    pub kind: String,
    pub times: i64,
    /// 1, or 0 when nothing explains it.
    pub due: i64,
}

/// Orders with a fate that no rule names are not judged: how they came there is (see `history`).
///
/// # Errors
/// Any database error.
pub async fn notifications(
    db: &mut PgConnection,
    scope: &Scope,
    rules: &[NotificationRule],
    judged: &[Fate],
) -> Result<Found<DeliveryCount>, sqlx::Error> {
    let checked = sqlx::query_scalar("select count(*) from notification_deliveries").fetch_one(&mut *db).await?;
    let question = sqlx::query(concat!(
        "with rule as (
             select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::bool[], $7::text[])
                 as r (fate, payment, channel, kind, needs_phone, required, queue)
         ), due as (
             select o.id as order_id, r.channel, r.kind, r.required, r.queue, greatest(o.updated_at, p.updated_at) as changed_at
             from orders o left join payments p on p.order_id = o.id
             join rule r on r.fate = ",
        fate!(),
        " and (r.payment = '' or r.payment = p.status)
             where ($8::timestamptz is null or o.created_at >= $8) and (not r.needs_phone or o.phone is not null)
         ), sent as (
             select order_id, channel, kind, count(*) as times from notification_deliveries
             where $8::timestamptz is null or order_id in (select id from orders where created_at >= $8)
             group by order_id, channel, kind
         )
         select count(*) over () as total, order_id, channel, kind, coalesce(s.times, 0) as times,
                (d.kind is not null)::int::bigint as due
         from due d full join sent s using (order_id, channel, kind)
         where case
             when s.times is null then d.required and d.changed_at < $9 and not exists (
                 select from dead_letters l where l.order_id = d.order_id and l.queue = d.queue and l.state <> $10)
             when d.kind is null then not exists (select from orders o where o.id = s.order_id and ",
        fate!(),
        " <> all($11))
             else s.times <> 1 end
         order by order_id, channel, kind limit $12",
    ))
    .bind(rules.iter().map(|rule| rule.fate.name()).collect::<Vec<_>>())
    .bind(rules.iter().map(|rule| rule.payment.map_or("", PaymentStatus::as_str)).collect::<Vec<_>>())
    .bind(rules.iter().map(|rule| rule.channel.as_str()).collect::<Vec<_>>())
    .bind(rules.iter().map(|rule| rule.kind.as_str()).collect::<Vec<_>>())
    .bind(rules.iter().map(|rule| rule.needs_phone).collect::<Vec<_>>())
    .bind(rules.iter().map(|rule| rule.required).collect::<Vec<_>>())
    .bind(rules.iter().map(|rule| rule.queue).collect::<Vec<_>>())
    .bind(scope.since)
    .bind(scope.cutoff)
    .bind(State::Resolved.as_str())
    .bind(judged.iter().map(|fate| fate.name()).collect::<Vec<_>>())
    .bind(scope.limit);
    collect(db, checked, question, |row| {
        Ok(DeliveryCount {
            order_id: row.try_get("order_id")?,
            channel: row.try_get("channel")?,
            kind: row.try_get("kind")?,
            times: row.try_get("times")?,
            due: row.try_get("due")?,
        })
    })
    .await
}
