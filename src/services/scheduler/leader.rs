//! Who leads, and the leader's round through the jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Connection, PgConnection, PgPool, Postgres};
use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::RetentionArgs;
use super::job::{Done, JOBS, Job, JobError};
use crate::crash_points::{Boundary, crash_point};
use crate::intake::OutboxWake;
use crate::messaging::supervise;
use crate::store::scheduler::{self as records, LEADERSHIP, Run};
use crate::telemetry::{Pulse, Signs, chain};

/// How often a follower asks for the lead and the leader looks for jobs that are due.
const TICK: Duration = Duration::from_secs(1);

pub struct Scheduler {
    pub db: PgPool,
    pub wake: OutboxWake,
    pub pulse: Pulse,
    pub retention: RetentionArgs,
}

impl Scheduler {
    /// Runs until the token is cancelled.
    pub async fn run(self, shutdown: CancellationToken) {
        let leads = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&leads);
        self.pulse.shows(move || Signs { leads: Some(seen.load(Ordering::Relaxed)), ..Signs::default() });
        supervise("scheduler", &self.pulse, &shutdown, || self.session(&shutdown, &leads)).await;
    }

    async fn session(&self, shutdown: &CancellationToken, leads: &AtomicBool) -> Result<(), JobError> {
        // The lock lives as long as this connection; it is never given back to the pool with the lock on it.
        let mut seat = self.db.acquire().await?;
        let ended = self.sit(&mut seat, shutdown, leads).await;
        leads.store(false, Ordering::Relaxed);
        leave(seat).await;
        ended
    }

    async fn sit(
        &self,
        seat: &mut PgConnection,
        shutdown: &CancellationToken,
        leads: &AtomicBool,
    ) -> Result<(), JobError> {
        self.pulse.up();
        while !self.takes_the_lead(seat).await? {
            if pause(shutdown).await {
                return Ok(());
            }
        }
        leads.store(true, Ordering::Relaxed);
        tracing::info!(role = "scheduler", "leading");
        let mut due = [Instant::now(); JOBS.len()];
        loop {
            for (job, due) in JOBS.iter().zip(&mut due) {
                if *due <= Instant::now() {
                    *due = Instant::now() + job.every;
                    self.run_job(seat, job).await?;
                }
            }
            if pause(shutdown).await {
                return Ok(());
            }
        }
    }

    async fn takes_the_lead(&self, seat: &mut PgConnection) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar("select pg_try_advisory_lock($1)").bind(LEADERSHIP).fetch_one(seat).await
    }

    /// One job that fails does not keep the others from running; a connection that is gone ends the session.
    async fn run_job(&self, seat: &mut PgConnection, job: &Job) -> Result<(), JobError> {
        let started_at = OffsetDateTime::now_utc();
        let mut tx = seat.begin().await?;
        let ended = (job.run)(&mut tx, &self.retention).await;
        let ended = match ended {
            Ok(done) => {
                // A run that sends messages is the one in which a death could lose or double something.
                let sends = done.wakes_relay;
                if sends {
                    crash_point("scheduler", Boundary::BeforeCommit);
                }
                tx.commit().await?;
                if sends {
                    crash_point("scheduler", Boundary::AfterCommit);
                }
                Ok(done)
            }
            Err(error) => {
                tx.rollback().await?;
                Err(error)
            }
        };
        let error = ended.as_ref().err().map(|error| chain(error));
        let done = ended.unwrap_or_default();
        if let Some(error) = &error {
            tracing::error!(role = "scheduler", job = job.name, error, "job failed");
        } else if done.count > 0 {
            tracing::info!(role = "scheduler", job = job.name, done = done.count, detail = %done.detail, "job done");
        }
        if done.wakes_relay {
            self.wake.wake();
        }
        let Done { count, detail, .. } = done;
        Ok(records::record(seat, &Run { job: job.name, started_at, done: count, detail, error }).await?)
    }
}

/// Waits for the next tick; `true` when it is time to stop.
async fn pause(shutdown: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(TICK) => false,
        () = shutdown.cancelled() => true,
    }
}

/// Closing the connection gives the leadership to another scheduler at once.
async fn leave(seat: PoolConnection<Postgres>) {
    if let Err(error) = seat.detach().close().await {
        tracing::debug!(%error, "the leader's connection was gone already");
    }
}
