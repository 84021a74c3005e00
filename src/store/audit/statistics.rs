//! The figures of the analytics-service against the orders themselves.

use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::{PgConnection, Row};

use super::scope::{Fate, Found, Scope, fate};
use crate::domain::OrderStatus;
use crate::domain::payment::PaymentStatus;
use crate::store::dead_letters::State;

/// Which orders a column of `statistics` counts.
#[derive(Clone, Debug)]
pub struct FigureRule {
    /// Name of the column.
    pub column: &'static str,
    pub fates: Vec<Fate>,
    /// The sum of their totals instead of their number.
    pub money: bool,
}

/// A figure that the orders do not add up to.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("the figures per {period} have {recorded} {figure}, the orders {least} to {most}")]
pub struct FigureDiffers {
    pub period: String,
    pub figure: String,
    pub recorded: String,
    /// By the orders whose events must have been counted by now.
    pub least: String,
    /// By all orders.
    pub most: String,
    /// Whether an event that is still on its way would put it right.
    pub awaited: bool,
}

/// Compares the sums over all periods; failed orders also by reason (their column is `failures`, their statuses `failed`). `refunded` is
/// what orders cost that were confirmed and whose payment was given back, whatever became of them.
///
/// `queue`: where events wait to be counted.
///
/// # Errors
/// Any database error.
pub async fn figures(
    db: &mut PgConnection,
    scope: &Scope,
    rules: &[FigureRule],
    failed: OrderStatus,
    queue: &str,
) -> Result<Found<FigureDiffers>, sqlx::Error> {
    let lines: Vec<(&str, String, bool)> =
        rules.iter().flat_map(|rule| rule.fates.iter().map(|fate| (rule.column, fate.name(), rule.money))).collect();
    let rows = sqlx::query(concat!(
        "with rule as (select * from unnest($1::text[], $2::text[], $3::bool[]) as r (figure, fate, money)),
         counted as (
             select ",
        fate!(),
        " as fate, o.reason, count(*) as number, sum(o.total) as money,
                    count(*) filter (where firm) as firm_number, coalesce(sum(o.total) filter (where firm), 0) as firm_money
             from orders o cross join lateral (
                 select o.updated_at < $4 and o.id not in (
                     select order_id from dead_letters where order_id is not null and queue = $5 and state <> $6) as firm) f
             group by 1, 2
         ), of_orders as (
             select r.figure, sum(case when r.money then c.firm_money else c.firm_number end) as least,
                    sum(case when r.money then c.money else c.number end) as most
             from rule r join counted c on c.fate = r.fate group by r.figure
             union all
             select 'failed: ' || coalesce(reason, 'no reason'), sum(firm_number), sum(number)
             from counted where fate = $7 group by reason
             union all
             select 'refunded', coalesce(sum(o.total) filter (where firm), 0), coalesce(sum(o.total), 0)
             from orders o join payments p on p.order_id = o.id cross join lateral (
                 select greatest(o.updated_at, p.updated_at) < $4 and o.id not in (
                     select order_id from dead_letters where order_id is not null and queue = $5 and state <> $6) as firm) f
             where p.status = $8 and o.confirmed_at is not null
         ), of_statistics as (
             select period, f.figure, sum(f.value) as recorded
             from statistics s cross join lateral (values ('created', s.created::numeric), ('confirmed', s.confirmed),
                 ('failed', s.failed), ('cancelled', s.cancelled), ('shipped', s.shipped), ('delivered', s.delivered),
                 ('revenue', s.revenue), ('refunded', s.refunded)) as f (figure, value)
             where f.figure in (select figure from rule union all select 'refunded')
             group by period, f.figure
             union all
             select period, 'failed: ' || reason, sum(count) from statistics_failures group by period, reason
         ), periods (period) as (values ('minute'), ('day'))
         select period, figure, coalesce(s.recorded, 0) as recorded, coalesce(o.least, 0) as least, coalesce(o.most, 0) as most
         from (select p.period, o.* from periods p cross join of_orders o) o full join of_statistics s using (period, figure)
         order by period, figure",
    ))
    .bind(lines.iter().map(|line| line.0).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.1.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.2).collect::<Vec<_>>())
    .bind(scope.cutoff)
    .bind(queue)
    .bind(State::Resolved.as_str())
    .bind(failed.as_str())
    .bind(PaymentStatus::Refunded.as_str())
    .fetch_all(db)
    .await?;
    let mut found = Found { checked: i64::try_from(rows.len()).unwrap_or(i64::MAX), total: 0, violations: Vec::new() };
    for row in &rows {
        let number = |column: &str| row.try_get::<Decimal, _>(column).map(|number| number.normalize());
        let (recorded, least, most) = (number("recorded")?, number("least")?, number("most")?);
        if recorded < least || recorded > most {
            found.total += 1;
            found.violations.push(FigureDiffers {
                period: row.try_get("period")?,
                figure: row.try_get("figure")?,
                recorded: recorded.to_string(),
                least: least.to_string(),
                most: most.to_string(),
                awaited: recorded < least,
            });
        }
    }
    Ok(found)
}
