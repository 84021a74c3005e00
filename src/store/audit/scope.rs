//! What every question of the audit has in common: which orders are judged, from when on an absence counts, how much is listed.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres, Row};
use time::OffsetDateTime;

use crate::domain::OrderStatus;

/// Set by [`open`]; the same for every question of one audit.
#[derive(Clone, Debug)]
pub struct Scope {
    /// When the snapshot was taken, by the database's clock.
    pub now: OffsetDateTime,
    /// Only orders that were created from then on; `None` judges all.
    pub since: Option<OffsetDateTime>,
    /// What changed after this moment may still have effects on their way: their absence is not yet a violation.
    pub cutoff: OffsetDateTime,
    /// Most violations that one question returns; the total is always told.
    pub limit: i64,
    /// Orders that are judged.
    pub orders: i64,
}

/// Makes this connection's transaction a read-only snapshot with a time limit per statement, and looks at the clock.
///
/// # Errors
/// Any database error.
pub async fn open(
    db: &mut PgConnection,
    since: Option<OffsetDateTime>,
    grace_seconds: f64,
    timeout_seconds: u64,
    limit: i64,
) -> Result<Scope, sqlx::Error> {
    // The first statement of the transaction; the snapshot is taken by the first query after it.
    sqlx::query("set transaction isolation level repeatable read, read only").execute(&mut *db).await?;
    sqlx::query("select set_config('statement_timeout', $1, true), set_config('work_mem', $2, true)")
        .bind(format!("{timeout_seconds}s"))
        .bind(WORK_MEMORY)
        .execute(&mut *db)
        .await?;
    let clock = sqlx::query("select clock_timestamp() as now, clock_timestamp() - make_interval(secs => $1) as cutoff")
        .bind(grace_seconds)
        .fetch_one(&mut *db)
        .await?;
    let orders = sqlx::query_scalar("select count(*) from orders where $1::timestamptz is null or created_at >= $1")
        .bind(since)
        .fetch_one(&mut *db)
        .await?;
    Ok(Scope { now: clock.try_get("now")?, since, cutoff: clock.try_get("cutoff")?, limit, orders })
}

/// For the joins over whole tables: a million orders fit without spilling to disk; one session needs it for seconds.
const WORK_MEMORY: &str = "128MB";

/// The answer to one question.
#[derive(Clone, Debug)]
pub struct Found<V> {
    /// Rows that were judged.
    pub checked: i64,
    /// Violations in all; more than are listed when there are more than the limit.
    pub total: i64,
    pub violations: Vec<V>,
}

/// Runs a question whose rows each tell the total in the column `total`.
///
/// # Errors
/// Any database error.
pub async fn collect<'q, V>(
    db: &mut PgConnection,
    checked: i64,
    question: Query<'q, Postgres, PgArguments>,
    read: impl Fn(&PgRow) -> Result<V, sqlx::Error>,
) -> Result<Found<V>, sqlx::Error> {
    let rows = question.fetch_all(db).await?;
    let total = rows.first().map_or(Ok(0), |row| row.try_get("total"))?;
    Ok(Found { checked, total, violations: rows.iter().map(read).collect::<Result<_, _>>()? })
}

/// Where an order stands, and whether it had been confirmed on the way: what was sold must come back when it is cancelled then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    pub status: OrderStatus,
    pub was_confirmed: bool,
}

impl Fate {
    pub fn new(status: OrderStatus, was_confirmed: bool) -> Self {
        Self { status, was_confirmed }
    }

    /// As [`fate`] has it for the row of the order.
    pub fn name(self) -> String {
        match self.status {
            OrderStatus::Processing | OrderStatus::Cancelled if self.was_confirmed => {
                format!("{} after confirmation", self.status)
            }
            OrderStatus::Pending
            | OrderStatus::Processing
            | OrderStatus::Confirmed
            | OrderStatus::Shipped
            | OrderStatus::Delivered
            | OrderStatus::Failed
            | OrderStatus::Cancelled => self.status.to_string(),
        }
    }
}

/// The fate of an order `o` in SQL. Only two statuses have two pasts.
macro_rules! fate {
    () => {
        "(o.status || case when o.status in ('processing', 'cancelled') and o.confirmed_at is not null \
                           then ' after confirmation' else '' end)"
    };
}
pub(super) use fate;

/// What the presence (or, as an empty text, the absence) of a row beside an order means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it must be, or of no concern yet.
    Fine,
    /// Right for a moment: a message is on its way that changes it.
    Awaited,
    Wrong,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Awaited => "awaited",
            Self::Wrong => "wrong",
        }
    }
}

/// One line of the table "an order with this fate and such a row beside it".
#[derive(Clone, Copy, Debug)]
pub struct OutcomeRule {
    /// Of the order.
    pub fate: Fate,
    /// Status of the row beside it; empty when there is none.
    pub beside: &'static str,
    pub outcome: Outcome,
}
