//! Waits until every order is final and everything that it caused is consumed. Asks the database where it may, because its rows say when
//! that was; else the API's statistics, which know an order's end only once its event is recorded. Called by [`super::run`] and by the
//! scenarios that bring their own orders.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use sqlx::PgPool;
use time::OffsetDateTime;

use super::shop::Shop;

/// `order_confirmation` and `order_failed` go to the channels e-mail and push; SMS carries shipping only.
pub const NOTIFICATIONS_PER_ORDER: u64 = 2;
/// `order.created`, and `order.confirmed` or `order.failed`.
pub const EVENTS_PER_ORDER: u64 = 2;
/// Looking costs the measured system something: never more than this part of the time. Rare looks make no figure worse, since the
/// rows say when they changed.
const PART: u32 = 100;
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);

/// Where to look.
pub enum Source<'a> {
    Api(&'a Shop),
    Database(&'a PgPool),
}

/// What has happened since the fleet's first day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub confirmed: u64,
    /// Confirmed, failed or cancelled.
    pub finished: u64,
    pub notifications: u64,
    pub events: u64,
}

impl Counts {
    fn are_final(&self, before: &Self, orders: u64) -> bool {
        self.finished >= before.finished + orders
    }

    fn are_consumed(&self, before: &Self, orders: u64) -> bool {
        self.are_final(before, orders)
            && self.notifications >= before.notifications + NOTIFICATIONS_PER_ORDER * orders
            && self.events >= before.events + EVENTS_PER_ORDER * orders
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    pub confirmed: u64,
    /// Finished otherwise.
    pub failed: u64,
    pub last_final: Option<OffsetDateTime>,
    pub last_consumed: Option<OffsetDateTime>,
}

impl Source<'_> {
    /// # Errors
    /// When the source is away.
    pub async fn counts(&self) -> anyhow::Result<Counts> {
        match self {
            Self::Api(shop) => shop.counts().await,
            Self::Database(db) => of_database(db).await,
        }
    }

    /// Waits for the end of `orders` orders that came in after `before` was counted.
    ///
    /// # Errors
    /// When they do not end in time, with what is missing.
    pub async fn settle(
        &self,
        before: &Counts,
        orders: u64,
        deadline: Duration,
        bar: &ProgressBar,
    ) -> anyhow::Result<Settled> {
        let started = Instant::now();
        let (mut last_final, mut last_consumed) = (None, None);
        loop {
            let looked = Instant::now();
            let counts = self.counts().await?;
            bar.set_position((counts.finished - before.finished).min(orders));
            if counts.are_final(before, orders) {
                last_final = last_final.or(Some(OffsetDateTime::now_utc()));
            }
            if counts.are_consumed(before, orders) {
                last_consumed = last_consumed.or(Some(OffsetDateTime::now_utc()));
            }
            if last_consumed.is_some() {
                if let Self::Database(db) = self {
                    (last_final, last_consumed) = moments(db).await?;
                }
                let confirmed = counts.confirmed - before.confirmed;
                let failed = counts.finished - before.finished - confirmed;
                return Ok(Settled { confirmed, failed, last_final, last_consumed });
            }
            ensure!(
                started.elapsed() < deadline,
                "after {} s, {} of {orders} orders are final, {} of {} notifications and {} of {} events consumed",
                deadline.as_secs(),
                counts.finished - before.finished,
                counts.notifications - before.notifications,
                NOTIFICATIONS_PER_ORDER * orders,
                counts.events - before.events,
                EVENTS_PER_ORDER * orders,
            );
            tokio::time::sleep((looked.elapsed() * PART).max(SHORTEST_PAUSE)).await;
        }
    }
}

async fn of_database(db: &PgPool) -> anyhow::Result<Counts> {
    let counted: (i64, i64, i64, i64) = sqlx::query_as(
        "select coalesce(sum(confirmed), 0)::bigint, coalesce(sum(confirmed + failed + cancelled), 0)::bigint, \
                (select coalesce(sum(count), 0)::bigint from running_totals where what <> 'event'), \
                (select coalesce(sum(count), 0)::bigint from running_totals where what = 'event') \
         from statistics where period = 'day'",
    )
    .fetch_one(db)
    .await
    .context("the database cannot be asked")?;
    let number = |count: i64| u64::try_from(count).unwrap_or_default();
    let (confirmed, finished, notifications, events) = counted;
    Ok(Counts {
        confirmed: number(confirmed),
        finished: number(finished),
        notifications: number(notifications),
        events: number(events),
    })
}

/// When the last order became final, and when the last of its messages was consumed. No scenario is older than a day, and tables that were
/// filled for it are.
async fn moments(db: &PgPool) -> anyhow::Result<(Option<OffsetDateTime>, Option<OffsetDateTime>)> {
    let moments = sqlx::query_as(
        "with mine as (select id, updated_at from orders where created_at > now() - interval '1 day') \
         select (select max(updated_at) from mine), \
                greatest((select max(updated_at) from mine), \
                         (select max(d.at) from notification_deliveries d join mine on d.order_id = mine.id), \
                         (select max(recorded_at) from recorded_events where recorded_at > now() - interval '1 day'), \
                         (select max(r.updated_at) from reservations r join mine on r.order_id = mine.id))",
    );
    moments.fetch_one(db).await.context("the database cannot be asked")
}

/// Times from an order's row to its confirmation, of the orders since; in milliseconds p50, p95, p99, p99.9 and the longest.
///
/// # Errors
/// When the database is away.
pub async fn confirm_latency(db: &PgPool, since: OffsetDateTime) -> anyhow::Result<Option<(i64, f64, Vec<f64>)>> {
    let row: (i64, Option<f64>, Option<Vec<f64>>) = sqlx::query_as(
        "select count(*), avg(took), percentile_disc(array[0.5, 0.95, 0.99, 0.999, 1]) within group (order by took) \
         from (select (extract(epoch from updated_at - created_at) * 1000)::float8 as took \
               from orders where created_at >= $1 and status = 'confirmed') as confirmed",
    )
    .bind(since)
    .fetch_one(db)
    .await
    .context("the database cannot be asked")?;
    Ok(row.1.zip(row.2).map(|(mean, quantiles)| (row.0, mean, quantiles)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_consumed_only_with_all_their_notifications_and_events() {
        let before = Counts { confirmed: 5, finished: 7, notifications: 14, events: 14 };
        let mut now = Counts { confirmed: 14, finished: 17, notifications: 34, events: 33 };
        assert!(now.are_final(&before, 10));
        assert!(!now.are_consumed(&before, 10));
        now.events += 1;
        assert!(now.are_consumed(&before, 10));
        assert!(!now.are_consumed(&before, 11));
    }
}
