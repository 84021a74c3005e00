//! The scheduler: notices what did not happen in time and tells the order-processor. Several may run; the database makes one of
//! them the leader, and another takes over within seconds when it dies.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Connection, PgConnection, PgPool, Postgres};
use tokio_util::sync::CancellationToken;

use crate::contract::Outgoing;
use crate::contract::saga::{DEADLINE_PASSED, SagaMessage};
use crate::crash_points::{Boundary, crash_point};
use crate::intake::OutboxWake;
use crate::messaging::supervise;
use crate::store::sagas::Overdue;
use crate::store::{outbox, sagas};
use crate::telemetry::Pulse;
use crate::topology::names;

/// Key of the advisory lock that makes one scheduler the leader (any number, the same in every version).
const LEADERSHIP: i64 = 0x0f1e_e75c_4ed0_1e00;
const TICK: Duration = Duration::from_secs(1);
/// Overdue sagas told of in one tick.
const LIMIT: i64 = 500;
/// How long the order-processor has to react before it is told again.
const GRACE: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    #[error("the database is away")]
    Database(#[from] sqlx::Error),
    #[error("a message cannot be written")]
    Json(#[from] serde_json::Error),
}

pub struct Scheduler {
    pub db: PgPool,
    pub wake: OutboxWake,
    pub pulse: Pulse,
}

impl Scheduler {
    /// Runs until the token is cancelled.
    pub async fn run(self, shutdown: CancellationToken) {
        supervise("scheduler", &self.pulse, &shutdown, || self.session(&shutdown)).await;
    }

    async fn session(&self, shutdown: &CancellationToken) -> Result<(), SchedulerError> {
        // The lock lives as long as this connection; it is never given back to the pool with the lock on it.
        let mut seat = self.db.acquire().await?;
        let ended = self.sit(&mut seat, shutdown).await;
        leave(seat).await;
        ended
    }

    async fn sit(&self, seat: &mut PgConnection, shutdown: &CancellationToken) -> Result<(), SchedulerError> {
        let mut leads = false;
        self.pulse.up();
        loop {
            if !leads {
                leads = sqlx::query_scalar("select pg_try_advisory_lock($1)")
                    .bind(LEADERSHIP)
                    .fetch_one(&mut *seat)
                    .await?;
                if leads {
                    tracing::info!(role = "scheduler", "leading");
                }
            }
            if leads {
                self.tell_overdue(seat).await?;
            }
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = shutdown.cancelled() => return Ok(()),
            }
        }
    }

    /// Tells the order-processor of every step that was not answered in time.
    async fn tell_overdue(&self, seat: &mut PgConnection) -> Result<(), SchedulerError> {
        let mut tx = seat.begin().await?;
        let overdue = sagas::take_overdue(&mut tx, LIMIT, GRACE).await?;
        if overdue.is_empty() {
            return Ok(());
        }
        let messages = overdue.iter().map(message).collect::<Result<Vec<_>, _>>()?;
        outbox::add_all(&mut tx, &messages).await?;
        crash_point("scheduler", Boundary::BeforeCommit);
        tx.commit().await?;
        crash_point("scheduler", Boundary::AfterCommit);
        self.wake.wake();
        for saga in &overdue {
            tracing::warn!(order_id = %saga.order_id, correlation_id = saga.correlation_id, step = saga.step, "not answered in time");
        }
        Ok(())
    }
}

fn message(saga: &Overdue) -> Result<Outgoing, serde_json::Error> {
    let id = saga.order_id.message_id(&format!("{DEADLINE_PASSED}/{}/{}", saga.step, saga.deadline_micros));
    let body = SagaMessage::DeadlinePassed { order_id: saga.order_id, step: saga.step.clone() };
    let message = Outgoing::json(id, "", names::ORDER_REPLIES, DEADLINE_PASSED, &body)?;
    Ok(message.correlated(Some(&saga.correlation_id)))
}

/// Closing the connection gives the leadership to another scheduler at once.
async fn leave(seat: PoolConnection<Postgres>) {
    if let Err(error) = seat.detach().close().await {
        tracing::debug!(%error, "the leader's connection was gone already");
    }
}
