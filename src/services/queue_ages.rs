//! Watches how long messages wait that nobody takes. No broker tells the age of a message in a quorum queue without taking it out, so the
//! queues are looked at every few seconds: since when something waits although nothing is taken, that long the oldest message has waited
//! at least. Started by the scheduler's process; several may watch.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::contract::instance::SILENT_AFTER;
use crate::messaging::{Broker, QueueLook, QueueLooker};
use crate::store::instances::{self, Instance};
use crate::store::queue_ages::{self, QueueDepth};
use crate::telemetry::chain;
use crate::topology::WorkQueue;

/// As often as consumers say what they have taken.
const LOOK: Duration = crate::contract::instance::HEARTBEAT;
/// Roles of processes; a large fleet has a hundred.
const INSTANCES: i64 = 500;

pub struct QueueAges {
    pub db: PgPool,
    pub broker: Broker,
}

impl QueueAges {
    /// Runs until the process is told to stop. While broker or database is away, nothing is known of ages.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut looker = QueueLooker::new(self.broker.clone());
        while !shutdown.is_cancelled() {
            if let Err(error) = self.watch(&mut looker).await {
                tracing::debug!(error = format!("{error:#}"), "the ages of the queues are not known");
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                () = shutdown.cancelled() => {}
            }
        }
        looker.close().await;
    }

    async fn watch(&self, looker: &mut QueueLooker) -> anyhow::Result<()> {
        let looks = looker.look().await.map_err(|error| anyhow::anyhow!(chain(&error)))?;
        let mut db = self.db.acquire().await?;
        let found = instances::list(&mut db, INSTANCES).await?;
        Ok(queue_ages::remember(&mut db, &depths(looks, &found)).await?)
    }
}

/// Of every queue but the rungs of the ladders, where messages wait on purpose.
fn depths(looks: Vec<QueueLook>, instances: &[Instance]) -> Vec<QueueDepth> {
    let rungs: HashSet<String> = WorkQueue::ALL.into_iter().flat_map(WorkQueue::ladder).collect();
    let heard = instances.iter().filter(|instance| instance.seen_seconds_ago <= SILENT_AFTER.as_secs_f64());
    let reports = heard.filter_map(|instance| instance.detail.consumer.as_ref());
    let taken: HashSet<&str> = reports.filter(|report| report.taken > 0).map(|report| report.queue.as_str()).collect();
    let kept = looks.into_iter().filter(|look| !rungs.contains(&look.queue));
    kept.filter_map(|look| {
        let messages = look.found?.messages;
        Some(QueueDepth { was_taken: taken.contains(look.queue.as_str()), queue: look.queue, messages })
    })
    .collect()
}
