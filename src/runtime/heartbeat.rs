//! The heartbeat of a process: every few seconds one statement tells the database how each of its roles is. A task of its own, in
//! nobody's way; while the database is away it is late, and that is all. Started and stopped by `live`.

use std::time::Duration;

use sqlx::PgPool;
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Context;
use crate::contract::instance::{BreakerReport, ConsumerReport, HEARTBEAT, InstanceDetail, InstanceState};
use crate::store::instances::{self, Beat, Process};
use crate::telemetry::{BreakerSign, CpuMeter, Health, Memory, RoleHealth, host, metrics};

/// Pause while a role is starting: an operator who has just started it looks now.
const STARTING: Duration = Duration::from_secs(1);
/// Longest wait for one heartbeat to be written: the next one says more.
const PATIENCE: Duration = Duration::from_secs(4);

/// A running heartbeat. Dropped without [`Heartbeat::stop`], its rows stay and go silent, as those of a killed process do.
pub struct Heartbeat {
    id: Uuid,
    db: PgPool,
    end: CancellationToken,
    task: JoinHandle<()>,
}

impl Heartbeat {
    /// Beats for every role that has shown itself to the context's health, until it is stopped; also while the process drains.
    pub fn start(context: &Context) -> Self {
        let (id, end) = (Uuid::now_v7(), CancellationToken::new());
        let heart = Heart {
            db: context.db.clone(),
            health: context.health.clone(),
            id,
            host: host(),
            started: Instant::now(),
            meter: CpuMeter::default(),
            last: None,
        };
        let task = tokio::spawn(heart.beat(context.shutdown.clone(), end.clone()));
        Self { id, db: context.db.clone(), end, task }
    }

    /// The process has ended in good order: nobody need look for it.
    pub async fn stop(self) {
        self.end.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the heartbeat broke off");
        }
        match timeout(PATIENCE, instances::remove(&self.db, self.id)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the heartbeat stays in the database until it is cleaned up"),
            Err(_) => tracing::warn!("the heartbeat stays in the database until it is cleaned up"),
        }
    }
}

struct Heart {
    db: PgPool,
    health: Health,
    id: Uuid,
    host: String,
    started: Instant,
    meter: CpuMeter,
    /// When the roles were last looked into.
    last: Option<Instant>,
}

impl Heart {
    async fn beat(mut self, shutdown: CancellationToken, end: CancellationToken) {
        loop {
            let draining = shutdown.is_cancelled();
            let starting = self.beat_once(draining).await;
            tokio::select! {
                () = sleep(if starting { STARTING } else { HEARTBEAT }) => {}
                () = shutdown.cancelled(), if !draining => {}
                () = end.cancelled() => return,
            }
        }
    }

    /// Answers whether a role is still starting.
    async fn beat_once(&mut self, draining: bool) -> bool {
        let interval = self.last.replace(Instant::now()).map_or(self.started.elapsed(), |last| last.elapsed());
        let roles = self.health.roles(draining);
        let (cpu_seconds, cpu_share) = self.meter.read();
        let process = Process {
            id: self.id,
            host: self.host.clone(),
            pid: i32::try_from(std::process::id()).unwrap_or_default(),
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: self.started.elapsed().as_secs_f64(),
            cpu_seconds,
            rss_bytes: Memory::of(std::process::id()).and_then(|memory| memory.now.try_into().ok()),
        };
        let starting = roles.is_empty() || roles.iter().any(|role| role.state == InstanceState::Starting);
        let beats: Vec<Beat> = roles.into_iter().map(|role| read(role, interval, cpu_share)).collect();
        if beats.is_empty() {
            return starting;
        }
        match timeout(PATIENCE, instances::beat(&self.db, &process, &beats)).await {
            Ok(Ok(())) => {}
            // Whoever needs the database says so himself; the heartbeat is only late.
            Ok(Err(error)) => tracing::debug!(%error, "the heartbeat was not written"),
            Err(_) => tracing::debug!("the heartbeat was not written in time"),
        }
        starting
    }
}

fn read(role: RoleHealth, interval: Duration, cpu_share: Option<f64>) -> Beat {
    let RoleHealth { role, state, trouble, signs } = role;
    let consumer = signs.taken.map(|(queue, taken)| {
        let oldest = taken.oldest.map(|oldest| oldest.as_secs_f64());
        metrics().oldest_taken_seconds.with_label_values(&[role.as_str()]).set(oldest.unwrap_or(0.0));
        ConsumerReport {
            queue: queue.to_owned(),
            in_hand: taken.in_hand,
            taken: taken.taken,
            interval_seconds: interval.as_secs_f64(),
            oldest_taken_seconds: oldest,
        }
    });
    let detail = InstanceDetail { consumer, leads: signs.leads, cpu_share };
    Beat { role, state, reason: trouble, breakers: signs.breaker.map(report).into_iter().collect(), detail }
}

fn report(sign: BreakerSign) -> BreakerReport {
    let since = sign.for_so_long.and_then(|passed| OffsetDateTime::now_utc().checked_sub(passed.try_into().ok()?));
    BreakerReport {
        dependency: sign.dependency.to_owned(),
        state: sign.state,
        since,
        failure_share: sign.failure_share,
    }
}
