//! Runs an audit: now, or once the fleet is quiet.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep, timeout};

use super::judge::{Terms, judge};
use super::queues::{self, QueuesError};
use super::{QueueDepth, Report, Settled};
use crate::domain::saga::State;
use crate::messaging::Broker;
use crate::store::audit::activity;

/// A server that accepts no connection for so long is away.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// Pause between two looks whether the fleet is quiet.
const LOOK: Duration = Duration::from_millis(250);
/// Pause between two judgements: what a consumer has in hand when the queues are empty is done by then.
const AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub struct Options {
    /// Judge only orders that were created from then on.
    pub since: Option<OffsetDateTime>,
    /// Wait up to so long for a quiet moment; `None` judges at once.
    pub settle: Option<Duration>,
    /// How long effects may be on their way. Once the fleet is quiet none may.
    pub grace: Duration,
    /// How long one step of a saga may take at all, whatever its deadline says by now.
    pub patience: Duration,
    /// For each question to the database.
    pub statement_timeout: Duration,
    /// Most violations listed per law.
    pub limit: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("the database did not answer within {} s", CONNECT_DEADLINE.as_secs())]
    Deadline,
    #[error("the database cannot be read")]
    Database(#[from] sqlx::Error),
    #[error("the broker cannot be read")]
    Queues(#[from] QueuesError),
}

/// # Errors
/// When the database, or the broker if one is given, is away.
pub async fn run(
    database: &PgConnectOptions,
    broker: Option<&Broker>,
    options: &Options,
) -> Result<Report, AuditError> {
    let connecting = timeout(CONNECT_DEADLINE, PgConnection::connect_with(database));
    let mut db = connecting.await.map_err(|_| AuditError::Deadline)??;
    let report = match options.settle {
        None => look(&mut db, broker, options, options.grace).await?,
        Some(longest) => settle(&mut db, broker, options, longest).await?,
    };
    // The answer is there; how the connection ends does not change it.
    let _ = timeout(CONNECT_DEADLINE, db.close()).await;
    Ok(report.limited_to(options.limit))
}

async fn look(
    db: &mut PgConnection,
    broker: Option<&Broker>,
    options: &Options,
    grace: Duration,
) -> Result<Report, AuditError> {
    let depths = depths(broker).await?;
    let terms = Terms {
        since: options.since,
        grace_seconds: grace.as_secs_f64(),
        patience_seconds: options.patience.as_secs_f64(),
        statement_timeout_seconds: options.statement_timeout.as_secs().max(1),
    };
    Ok(judge(db, &terms, depths).await?)
}

/// A quiet fleet is judged without grace. The queues do not count what a consumer has in hand, so a judgement that waiting may
/// mend is repeated until the time is up.
async fn settle(
    db: &mut PgConnection,
    broker: Option<&Broker>,
    options: &Options,
    longest: Duration,
) -> Result<Report, AuditError> {
    let started = Instant::now();
    loop {
        let quiet = become_quiet(db, broker, started + longest).await?;
        let grace = if quiet { Duration::ZERO } else { options.grace };
        let mut report = look(db, broker, options, grace).await?;
        report.settled = Some(Settled { quiet, waited_seconds: started.elapsed().as_secs_f64() });
        if report.clean || !report.may_heal() || started.elapsed() + AGAIN >= longest {
            return Ok(report);
        }
        sleep(AGAIN).await;
    }
}

/// Whether there was a moment before the deadline without running sagas, waiting orders, and messages.
async fn become_quiet(db: &mut PgConnection, broker: Option<&Broker>, deadline: Instant) -> Result<bool, AuditError> {
    loop {
        let busy = activity(db, State::NEW.status, None).await?.is_busy();
        if !busy && depths(broker).await?.is_none_or(|depths| queues::is_empty(&depths)) {
            return Ok(true);
        }
        if Instant::now() + LOOK >= deadline {
            return Ok(false);
        }
        sleep(LOOK).await;
    }
}

async fn depths(broker: Option<&Broker>) -> Result<Option<Vec<QueueDepth>>, AuditError> {
    match broker {
        Some(broker) => Ok(Some(queues::depths(broker).await?)),
        None => Ok(None),
    }
}
