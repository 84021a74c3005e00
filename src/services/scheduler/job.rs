//! What a job is, and the list of all of them.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use sqlx::PgConnection;

use super::{RetentionArgs, alerts, cleanup, daily_report, deadlines, reservations, search_index, stuck_orders};
use crate::messaging::Ended;

#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error("the database refuses")]
    Database(#[from] sqlx::Error),
    #[error("a message cannot be written")]
    Json(#[from] serde_json::Error),
}

impl Ended for JobError {}

/// What one run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// How many things it took care of; a run with none is only counted.
    pub count: i64,
    pub detail: Value,
    /// Whether messages wait in the outbox now.
    pub wakes_relay: bool,
}

/// Everything a job does is in the transaction it is given.
pub struct Job {
    pub name: &'static str,
    pub every: Duration,
    pub run: for<'a> fn(&'a mut PgConnection, &'a RetentionArgs) -> BoxFuture<'a, Result<Done, JobError>>,
}

/// Every job of the scheduler.
pub const JOBS: [Job; 7] = [
    Job { name: "deadlines", every: Duration::from_secs(1), run: |db, _| Box::pin(deadlines::run(db)) },
    Job { name: "stuck_orders", every: Duration::from_secs(15), run: |db, _| Box::pin(stuck_orders::run(db)) },
    Job { name: "reservations", every: Duration::from_secs(60), run: |db, _| Box::pin(reservations::run(db)) },
    Job { name: "alerts", every: Duration::from_secs(5), run: |db, _| Box::pin(alerts::run(db)) },
    Job { name: "search_index", every: Duration::from_secs(2), run: |db, _| Box::pin(search_index::run(db)) },
    Job { name: "cleanup", every: Duration::from_secs(600), run: |db, keep| Box::pin(cleanup::run(db, keep)) },
    Job { name: "daily_report", every: Duration::from_secs(60), run: |db, _| Box::pin(daily_report::run(db)) },
];
