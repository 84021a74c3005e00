//! Removes what nobody needs any more, in small bites, so that no transaction is long and no table bloats.

use clap::Args;
use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::job::{Done, JobError};
use crate::store::scheduler::{Old, delete_old};

/// How long things are kept; options of the scheduler.
#[derive(Args, Clone, Debug)]
pub struct RetentionArgs {
    /// Days that handled messages are remembered. Longer than any message can be on its way: ladder, dead letters, replay.
    #[arg(long, env = "KEEP_INBOX_DAYS", default_value_t = 30, value_name = "DAYS")]
    pub keep_inbox_days: u16,

    /// Hours that answers under an Idempotency-Key are repeated.
    #[arg(long, env = "KEEP_IDEMPOTENCY_HOURS", default_value_t = 48, value_name = "HOURS")]
    pub keep_idempotency_hours: u16,

    /// Days that the scheduler's own runs are kept.
    #[arg(long, env = "KEEP_RUNS_DAYS", default_value_t = 30, value_name = "DAYS")]
    pub keep_runs_days: u16,

    /// Days that the log of webhooks is kept. Longer than endpoints may fail before they are disabled, so that none waits unlogged.
    #[arg(long, env = "KEEP_WEBHOOKS_DAYS", default_value_t = 30, value_name = "DAYS")]
    pub keep_webhooks_days: u16,

    /// Days that dead letters are kept after they were resolved, and replays after they have ended.
    #[arg(long, env = "KEEP_RESOLVED_DAYS", default_value_t = 30, value_name = "DAYS")]
    pub keep_resolved_days: u16,

    /// Days that discarded dead letters can be restored.
    #[arg(long, env = "KEEP_DISCARDED_DAYS", default_value_t = 90, value_name = "DAYS")]
    pub keep_discarded_days: u16,
}

impl Default for RetentionArgs {
    fn default() -> Self {
        Self {
            keep_inbox_days: 30,
            keep_idempotency_hours: 48,
            keep_runs_days: 30,
            keep_webhooks_days: 30,
            keep_resolved_days: 30,
            keep_discarded_days: 90,
        }
    }
}

/// How long a process that went without a word is shown to the operator.
const SILENT_HOURS: f64 = 1.0;

/// Rows per table and run; what is left is taken by the next run.
const BITE: i64 = 20_000;

pub async fn run(db: &mut PgConnection, keep: &RetentionArgs) -> Result<Done, JobError> {
    let days = |days: u16| f64::from(days) * 24.0;
    let ages = [
        (Old::Inbox, days(keep.keep_inbox_days)),
        (Old::Suspects, days(keep.keep_inbox_days)),
        (Old::IdempotencyKeys, f64::from(keep.keep_idempotency_hours)),
        (Old::IdempotentAnswers, f64::from(keep.keep_idempotency_hours)),
        // a result has its effect once even without its id; until then the id tells that it was a repetition
        (Old::PaymentWebhooks, days(keep.keep_inbox_days)),
        (Old::Runs, days(keep.keep_runs_days)),
        (Old::Instances, SILENT_HOURS),
        (Old::WebhookDeliveries, days(keep.keep_webhooks_days)),
        (Old::WebhookAttempts, days(keep.keep_webhooks_days)),
        (Old::ResolvedDeadLetters, days(keep.keep_resolved_days)),
        (Old::DiscardedDeadLetters, days(keep.keep_discarded_days)),
        (Old::Replays, days(keep.keep_resolved_days)),
    ];
    let mut detail = Map::new();
    let mut count = 0;
    for (what, hours) in ages {
        let deleted = delete_old(db, what, hours, BITE).await?;
        if deleted > 0 {
            detail.insert(what.as_str().to_owned(), Value::from(deleted));
        }
        count += deleted;
    }
    Ok(Done { count, detail: Value::Object(detail), wakes_relay: false })
}
