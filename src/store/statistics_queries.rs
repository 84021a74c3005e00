//! The fleet's figures, read for people. Called by the HTTP API; the analytics-service writes them.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub struct Statistics {
    /// Over everything that was ever recorded.
    pub totals: Figures,
    /// Failed orders by the code of their reason, over everything.
    pub failures: BTreeMap<String, i64>,
    /// The minutes asked for that saw an event, newest first.
    pub minutes: Vec<PeriodFigures>,
    /// The days (UTC) asked for that saw an event, newest first.
    pub days: Vec<PeriodFigures>,
    /// Notifications delivered, by channel.
    pub notifications: BTreeMap<String, i64>,
    pub events_recorded: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PeriodFigures {
    #[serde(with = "time::serde::rfc3339")]
    pub starts_at: OffsetDateTime,
    #[serde(flatten)]
    pub figures: Figures,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Figures {
    pub created: i64,
    pub confirmed: i64,
    pub failed: i64,
    pub cancelled: i64,
    pub shipped: i64,
    pub delivered: i64,
    /// Of confirmed orders.
    #[serde(serialize_with = "exact_number")]
    #[schema(value_type = f64, minimum = 0)]
    pub revenue: Decimal,
    /// Given back of confirmed orders, because they were cancelled or an operator asked for it; part of the revenue.
    #[serde(serialize_with = "exact_number")]
    #[schema(value_type = f64, minimum = 0)]
    pub refunded: Decimal,
    /// From submitted to confirmed; `null` while nothing was confirmed.
    pub mean_seconds_to_confirm: Option<f64>,
    pub max_seconds_to_confirm: Option<f64>,
}

/// # Errors
/// When the database is away.
pub async fn read(conn: &mut PgConnection, minutes: i32, days: i32) -> Result<Statistics, sqlx::Error> {
    let totals = sqlx::query(
        "select coalesce(sum(created), 0)::bigint as created, coalesce(sum(confirmed), 0)::bigint as confirmed, \
                coalesce(sum(failed), 0)::bigint as failed, coalesce(sum(cancelled), 0)::bigint as cancelled, \
                coalesce(sum(shipped), 0)::bigint as shipped, coalesce(sum(delivered), 0)::bigint as delivered, \
                coalesce(sum(revenue), 0) as revenue, coalesce(sum(refunded), 0) as refunded, \
                coalesce(sum(confirm_seconds), 0) as confirm_seconds, \
                coalesce(max(confirm_seconds_max), 0) as confirm_seconds_max \
         from statistics where period = 'day'",
    )
    .try_map(|row: PgRow| read_figures(&row))
    .fetch_one(&mut *conn)
    .await?;
    let mut running =
        counts(conn, "select what, sum(count)::bigint from running_totals group by what order by what").await?;
    let events_recorded = running.remove("event").unwrap_or(0);
    Ok(Statistics {
        totals,
        minutes: periods(conn, "minute", minutes).await?,
        days: periods(conn, "day", days).await?,
        failures: counts(
            conn,
            "select reason, sum(count)::bigint from statistics_failures where period = 'day' group by reason",
        )
        .await?,
        notifications: running,
        events_recorded,
    })
}

async fn periods(conn: &mut PgConnection, period: &str, last: i32) -> Result<Vec<PeriodFigures>, sqlx::Error> {
    sqlx::query(
        "select starts_at, created, confirmed, failed, cancelled, shipped, delivered, revenue, refunded, confirm_seconds, \
                confirm_seconds_max \
         from statistics \
         where period = $1 and starts_at > now() - $2 * ('1 ' || $1)::interval order by starts_at desc",
    )
    .bind(period)
    .bind(last)
    .try_map(|row: PgRow| Ok(PeriodFigures { starts_at: row.try_get("starts_at")?, figures: read_figures(&row)? }))
    .fetch_all(conn)
    .await
}

async fn counts(conn: &mut PgConnection, sql: &'static str) -> Result<BTreeMap<String, i64>, sqlx::Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(conn).await?;
    Ok(rows.into_iter().collect())
}

fn read_figures(row: &PgRow) -> Result<Figures, sqlx::Error> {
    let confirmed: i64 = row.try_get("confirmed")?;
    let (sum, longest): (f64, f64) = (row.try_get("confirm_seconds")?, row.try_get("confirm_seconds_max")?);
    Ok(Figures {
        created: row.try_get("created")?,
        confirmed,
        failed: row.try_get("failed")?,
        cancelled: row.try_get("cancelled")?,
        shipped: row.try_get("shipped")?,
        delivered: row.try_get("delivered")?,
        revenue: row.try_get("revenue")?,
        refunded: row.try_get("refunded")?,
        // exact below 2^53 orders
        mean_seconds_to_confirm: (confirmed > 0).then(|| sum / confirmed as f64),
        max_seconds_to_confirm: (confirmed > 0).then_some(longest),
    })
}

/// A JSON number with every digit of the decimal: revenue outgrows what a float holds exactly.
fn exact_number<S: Serializer>(amount: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(format!("{amount:.2}")).map_err(serde::ser::Error::custom)?.serialize(serializer)
}
