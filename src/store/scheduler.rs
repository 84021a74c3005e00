//! The scheduler's own records, and the removal of what is old.

use serde_json::Value;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;

use crate::contract::status::JobStatus;

/// Key of the advisory lock that makes one scheduler the leader (any number, the same in every version).
pub const LEADERSHIP: i64 = 0x0f1e_e75c_4ed0_1e00;

/// One run of one job.
#[derive(Debug)]
pub struct Run {
    pub job: &'static str,
    pub started_at: OffsetDateTime,
    pub done: i64,
    pub detail: Value,
    pub error: Option<String>,
}

/// Counts the run; keeps it whole when it did something or failed.
///
/// # Errors
/// Any database error.
pub async fn record(db: &mut PgConnection, run: &Run) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into scheduler_jobs (job, last_run_at, failures, last_error) values ($1, $2, ($3::text is not null)::int, $3)
         on conflict (job) do update
         set last_run_at = excluded.last_run_at, runs = scheduler_jobs.runs + 1,
             failures = scheduler_jobs.failures + excluded.failures, last_error = excluded.last_error",
    )
    .bind(run.job)
    .bind(run.started_at)
    .bind(&run.error)
    .execute(&mut *db)
    .await?;
    if run.done > 0 || run.error.is_some() {
        sqlx::query("insert into scheduler_runs (job, started_at, done, detail, error) values ($1, $2, $3, $4, $5)")
            .bind(run.job)
            .bind(run.started_at)
            .bind(run.done)
            .bind(&run.detail)
            .bind(&run.error)
            .execute(db)
            .await?;
    }
    Ok(())
}

/// What can be removed by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    Inbox,
    Suspects,
    IdempotencyKeys,
    IdempotentAnswers,
    /// Ids of the payment gateway's webhooks.
    PaymentWebhooks,
    Runs,
    /// Heartbeats of processes that went without a word.
    Instances,
    WebhookDeliveries,
    WebhookAttempts,
    /// With their deaths and repairs.
    ResolvedDeadLetters,
    DiscardedDeadLetters,
    /// Replays that have ended.
    Replays,
}

impl Old {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Suspects => "suspects",
            Self::IdempotencyKeys => "idempotency_keys",
            Self::IdempotentAnswers => "idempotent_answers",
            Self::PaymentWebhooks => "payment_webhooks",
            Self::Runs => "scheduler_runs",
            Self::Instances => "instances",
            Self::WebhookDeliveries => "webhook_deliveries",
            Self::WebhookAttempts => "webhook_attempts",
            Self::ResolvedDeadLetters => "resolved_dead_letters",
            Self::DiscardedDeadLetters => "discarded_dead_letters",
            Self::Replays => "replays",
        }
    }
}

/// Deletes the rows of a table whose time in `$column` is past, and of which `$more` holds.
macro_rules! delete_past {
    ($table:literal, $column:literal $(, $more:literal)?) => {
        concat!(
            "delete from ", $table, " where ctid = any(array(select ctid from ", $table, " where ", $column,
            " < now() - make_interval(secs => $1 * 3600)", $(" and ", $more,)? " limit $2))"
        )
    };
}

/// Removes at most `bite` rows older than `hours`; answers how many.
///
/// # Errors
/// Any database error.
pub async fn delete_old(db: &mut PgConnection, what: Old, hours: f64, bite: i64) -> Result<i64, sqlx::Error> {
    let statement = match what {
        Old::Inbox => delete_past!("inbox", "received_at"),
        Old::Suspects => delete_past!("suspects", "last_at"),
        Old::IdempotencyKeys => delete_past!("idempotency_keys", "created_at"),
        Old::IdempotentAnswers => delete_past!("idempotent_answers", "created_at"),
        Old::PaymentWebhooks => delete_past!("payment_webhooks", "received_at"),
        Old::Runs => delete_past!("scheduler_runs", "ended_at", "job <> 'daily_report'"),
        Old::Instances => delete_past!("instances", "seen_at"),
        Old::WebhookDeliveries => delete_past!("webhook_deliveries", "created_at"),
        Old::WebhookAttempts => delete_past!("webhook_attempts", "at"),
        Old::ResolvedDeadLetters => delete_past!("dead_letters", "state_changed_at", "state = 'resolved'"),
        Old::DiscardedDeadLetters => delete_past!("dead_letters", "state_changed_at", "state = 'discarded'"),
        Old::Replays => delete_past!("replay_operations", "ended_at"),
    };
    let deleted = sqlx::query(statement).bind(hours).bind(bite).execute(db).await?;
    Ok(i64::try_from(deleted.rows_affected()).unwrap_or(i64::MAX))
}

/// Whether some scheduler leads: whether anybody in this database holds the lock (pg_locks splits its key into two halves).
///
/// # Errors
/// Any database error.
pub async fn is_led(db: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (
             select 1 from pg_locks
             where locktype = 'advisory' and granted and objsubid = 1
               and database = (select oid from pg_database where datname = current_database())
               and classid::bigint = $1 >> 32 and objid::bigint = $1 & 4294967295)",
    )
    .bind(LEADERSHIP)
    .fetch_one(db)
    .await
}

/// The last run of every job.
///
/// # Errors
/// Any database error.
pub async fn jobs(db: &mut PgConnection) -> Result<Vec<JobStatus>, sqlx::Error> {
    let rows = sqlx::query(
        "select job, last_run_at, extract(epoch from clock_timestamp() - last_run_at)::float8 as seconds_ago, runs, failures,
                last_error
         from scheduler_jobs order by job limit 100",
    )
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(JobStatus {
                job: row.try_get("job")?,
                last_run_at: row.try_get("last_run_at")?,
                last_run_seconds_ago: row.try_get("seconds_ago")?,
                runs: row.try_get("runs")?,
                failures: row.try_get("failures")?,
                last_error: row.try_get("last_error")?,
            })
        })
        .collect()
}

/// Yesterday in figures, or `None` when the report of yesterday is there already.
///
/// # Errors
/// Any database error.
pub async fn yesterday(db: &mut PgConnection) -> Result<Option<Value>, sqlx::Error> {
    sqlx::query_scalar(
        "with day as (select date_trunc('day', now() at time zone 'utc') - interval '1 day' as starts)
         select jsonb_build_object(
             'day', to_char(day.starts, 'YYYY-MM-DD'),
             'orders', coalesce((select to_jsonb(s) - 'period' - 'starts_at' from statistics s
                        where s.period = 'day' and s.starts_at = day.starts at time zone 'utc'), '{}'),
             'failures', coalesce((select jsonb_object_agg(f.reason, f.count) from statistics_failures f
                        where f.period = 'day' and f.starts_at = day.starts at time zone 'utc'), '{}'),
             'dead_letters_unresolved', (select count(*) from dead_letters where state = 'unresolved'),
             'stuck_orders', (select count(*) from stuck_orders))
         from day
         where not exists (
             select 1 from scheduler_runs r
             where r.job = 'daily_report' and r.detail ->> 'day' = to_char(day.starts, 'YYYY-MM-DD'))",
    )
    .fetch_optional(db)
    .await
}
