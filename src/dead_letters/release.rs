//! Releases parked letters one after the other, once what they waited for is over: an order's hold, or the death of an earlier message.

use sqlx::PgPool;
use uuid::Uuid;

use super::consumers::Consumers;
use super::publish::Replayer;
use crate::messaging::Broker;
use crate::store::controls;
use crate::topology::WorkQueue;

pub struct Releaser {
    /// What its claims are known by.
    id: Uuid,
    db: PgPool,
    replayer: Replayer,
}

impl Releaser {
    pub fn new(db: PgPool, broker: Broker) -> Self {
        Self { id: Uuid::now_v7(), replayer: Replayer::new(db.clone(), broker), db }
    }

    /// Releases the first of every order that may go on; answers how many.
    ///
    /// # Errors
    /// Any database error.
    pub async fn release(&mut self, consumers: &dyn Consumers) -> Result<usize, sqlx::Error> {
        let known: Vec<(&str, &str)> = WorkQueue::ALL
            .into_iter()
            .filter_map(|queue| Some((queue.name(), consumers.inbox_of(queue.name())?)))
            .collect();
        let mut db = self.db.acquire().await?;
        let ids = controls::releasable(&mut db, &known).await?;
        drop(db);
        if ids.is_empty() {
            return Ok(0);
        }
        let reports = self.replayer.replay(&ids, self.id, false).await?;
        for report in &reports {
            tracing::info!(dead_letter = %report.id, outcome = %report.outcome, "a parked message is released");
        }
        Ok(reports.iter().filter(|report| report.outcome.is_replayed()).count())
    }
}
