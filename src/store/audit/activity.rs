//! How busy the fleet is: what explains messages in queues, and what `--settle` waits for the end of.

use serde::Serialize;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;

use crate::domain::OrderStatus;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Activity {
    /// Orders that were accepted and have no saga yet.
    pub waiting_orders: i64,
    pub running_sagas: i64,
    /// Messages that wait for a relay, parked ones not included.
    pub outbox: i64,
    /// Orders, reservations or payments that changed after the cutoff.
    pub recent_changes: i64,
}

impl Activity {
    /// Whether any message may be on its way.
    pub fn is_busy(self) -> bool {
        self != Self::default()
    }
}

/// `fresh`: the status of an order without a saga that has not been looked at. Without a `cutoff` recent changes are not counted, which is
/// cheap enough to ask again and again.
///
/// # Errors
/// Any database error.
pub async fn activity(
    db: &mut PgConnection,
    fresh: OrderStatus,
    cutoff: Option<OffsetDateTime>,
) -> Result<Activity, sqlx::Error> {
    let row = sqlx::query(
        "select (select count(*) from orders where listed_as = 'open' and status = $1) as waiting_orders,
                (select count(*) from sagas) as running_sagas,
                (select count(*) from outbox where parked is null) as outbox,
                (select count(*) from order_history where $2::timestamptz is not null and at >= $2) as changed_orders,
                (select count(*) from reservations where $2 is not null and updated_at >= $2) as changed_reservations,
                (select count(*) from payments where $2 is not null and updated_at >= $2) as changed_payments",
    )
    .bind(fresh.as_str())
    .bind(cutoff)
    .fetch_one(db)
    .await?;
    let number = |column: &str| row.try_get::<i64, _>(column);
    Ok(Activity {
        waiting_orders: number("waiting_orders")?,
        running_sagas: number("running_sagas")?,
        outbox: number("outbox")?,
        recent_changes: number("changed_orders")? + number("changed_reservations")? + number("changed_payments")?,
    })
}
