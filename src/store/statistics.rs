//! Recorded events and the figures per minute and per day. Written by the analytics-service only.

use std::collections::{BTreeMap, HashSet};

use rust_decimal::Decimal;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::text::storable;

/// One event as it came.
#[derive(Clone, Debug)]
pub struct RecordedEvent<'a> {
    pub message_id: Uuid,
    pub routing_key: &'a str,
    pub order_id: Option<Uuid>,
    /// JSON text.
    pub body: &'a str,
}

/// The events that are new; the others were recorded before.
///
/// # Errors
/// Any database error.
pub async fn record(db: &mut PgConnection, events: &[RecordedEvent<'_>]) -> Result<HashSet<Uuid>, sqlx::Error> {
    let new: Vec<Uuid> = sqlx::query_scalar(
        "with fresh as (
             insert into recorded_events (message_id, routing_key, order_id, body)
             select t.message_id, t.routing_key, t.order_id, t.body::json
             from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[]) as t (message_id, routing_key, order_id, body)
             order by t.message_id
             on conflict do nothing
             returning message_id
         ), counted as (
             insert into running_totals as t (what, shard, count)
             select 'event', pg_backend_pid() % 16, count(*) from fresh having count(*) > 0
             on conflict (what, shard) do update set count = t.count + excluded.count
         )
         select message_id from fresh",
    )
    .bind(events.iter().map(|event| event.message_id).collect::<Vec<_>>())
    .bind(events.iter().map(|event| storable(event.routing_key)).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.order_id).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.body).collect::<Vec<_>>())
    .fetch_all(db)
    .await?;
    Ok(new.into_iter().collect())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    Day,
    Minute,
}

impl Period {
    pub const ALL: [Self; 2] = [Self::Day, Self::Minute];

    fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Minute => "minute",
        }
    }
}

/// A period and the UTC time at which it starts.
pub type Bucket = (Period, OffsetDateTime);

/// What is added to one bucket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    pub created: i64,
    pub confirmed: i64,
    pub failed: i64,
    pub cancelled: i64,
    pub shipped: i64,
    pub delivered: i64,
    pub revenue: Decimal,
    /// Of orders that were cancelled after they had been confirmed.
    pub refunded: Decimal,
    /// Sum over the confirmed orders, submitted to confirmed.
    pub confirm_seconds: f64,
    pub confirm_seconds_max: f64,
}

/// Adds figures to their buckets. The map's order is the order of the locks, so that two instances never deadlock.
///
/// # Errors
/// Any database error.
pub async fn add(db: &mut PgConnection, figures: &BTreeMap<Bucket, Figures>) -> Result<(), sqlx::Error> {
    if figures.is_empty() {
        return Ok(());
    }
    let whole = |number: fn(&Figures) -> i64| figures.values().map(number).collect::<Vec<i64>>();
    sqlx::query(
        "insert into statistics as s (period, starts_at, created, confirmed, failed, cancelled, shipped, delivered,
             revenue, confirm_seconds, confirm_seconds_max, refunded)
         select * from unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
             $7::bigint[], $8::bigint[], $9::numeric[], $10::float8[], $11::float8[], $12::numeric[]) as t (period, starts_at)
         order by t.period, t.starts_at
         on conflict (period, starts_at) do update set
             created = s.created + excluded.created, confirmed = s.confirmed + excluded.confirmed,
             failed = s.failed + excluded.failed, cancelled = s.cancelled + excluded.cancelled,
             shipped = s.shipped + excluded.shipped, delivered = s.delivered + excluded.delivered,
             revenue = s.revenue + excluded.revenue, refunded = s.refunded + excluded.refunded,
             confirm_seconds = s.confirm_seconds + excluded.confirm_seconds,
             confirm_seconds_max = greatest(s.confirm_seconds_max, excluded.confirm_seconds_max)",
    )
    .bind(figures.keys().map(|(period, _)| period.as_str()).collect::<Vec<_>>())
    .bind(figures.keys().map(|(_, starts_at)| *starts_at).collect::<Vec<_>>())
    .bind(whole(|figures| figures.created))
    .bind(whole(|figures| figures.confirmed))
    .bind(whole(|figures| figures.failed))
    .bind(whole(|figures| figures.cancelled))
    .bind(whole(|figures| figures.shipped))
    .bind(whole(|figures| figures.delivered))
    .bind(figures.values().map(|figures| figures.revenue).collect::<Vec<_>>())
    .bind(figures.values().map(|figures| figures.confirm_seconds).collect::<Vec<_>>())
    .bind(figures.values().map(|figures| figures.confirm_seconds_max).collect::<Vec<_>>())
    .bind(figures.values().map(|figures| figures.refunded).collect::<Vec<_>>())
    .execute(db)
    .await
    .map(drop)
}

/// Adds failed orders, counted per bucket and reason.
///
/// # Errors
/// Any database error.
pub async fn add_failures(
    db: &mut PgConnection,
    failures: &BTreeMap<(Bucket, String), i64>,
) -> Result<(), sqlx::Error> {
    if failures.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into statistics_failures as f (period, starts_at, reason, count)
         select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::bigint[]) as t (period, starts_at, reason)
         order by t.period, t.starts_at, t.reason
         on conflict (period, starts_at, reason) do update set count = f.count + excluded.count",
    )
    .bind(failures.keys().map(|((period, _), _)| period.as_str()).collect::<Vec<_>>())
    .bind(failures.keys().map(|((_, starts_at), _)| *starts_at).collect::<Vec<_>>())
    .bind(failures.keys().map(|(_, reason)| storable(reason)).collect::<Vec<_>>())
    .bind(failures.values().copied().collect::<Vec<_>>())
    .execute(db)
    .await
    .map(drop)
}
