//! Takes what waits in a queue out of it, into the dead-letter store: there it can be searched, mended, replayed or discarded. Each batch is
//! committed before it is acknowledged, so a crash loses nothing; what was stored and not acknowledged is in the queue, too, and the
//! inbox sees to it that it has its effects once.

use serde_json::json;
use sqlx::{Connection, PgPool};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::arrival::drained;
use super::by::By;
use crate::messaging::{Broker, DrainError, QueueFigures, QueuesError, Taker, look_at_queue};
use crate::store::dead_letters::{Arrived, upsert};
use crate::topology::WorkQueue;

/// Deliveries of one transaction.
const BATCH: u16 = 200;
/// Batches in a row that bring nothing although the broker counts messages: other consumers have them.
const NOTHING: u32 = 5;

#[derive(Debug, thiserror::Error)]
pub enum Undrained {
    #[error(transparent)]
    Broker(#[from] DrainError),
    #[error(transparent)]
    Queues(#[from] QueuesError),
    #[error("the letters cannot be stored; what was not stored is in the queue again")]
    Database(#[from] sqlx::Error),
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Letters stored.
    pub letters: u64,
    /// Messages that wait in the queue now.
    pub left: u32,
    /// Whether everything was taken that waited when it began.
    pub is_complete: bool,
}

/// Whose messages wait in a queue: a consumed one, or a rung of its ladder. `None`: it cannot be drained.
pub fn consumer_of(queue: &str) -> Option<WorkQueue> {
    WorkQueue::ALL.into_iter().find(|known| known.name() == queue || known.ladder().any(|rung| rung == queue))
}

/// How many messages wait in the queue and who consumes it; `None` when there is no such queue.
///
/// # Errors
/// When the broker is away.
pub async fn waiting(broker: &Broker, queue: &str) -> Result<Option<QueueFigures>, QueuesError> {
    look_at_queue(broker, queue).await
}

/// Takes what waits in `queue`, whose messages are for `consumer`, until nothing waits, as many were taken as waited when it began, or `until`
/// has come.
///
/// # Errors
/// When broker or database fail; what was taken until then is stored.
pub async fn drain(
    db: &PgPool,
    broker: &Broker,
    queue: &str,
    consumer: WorkQueue,
    by: &By<'_>,
    until: Option<Instant>,
) -> Result<Drained, Undrained> {
    let count = async || Ok::<u32, QueuesError>(waiting(broker, queue).await?.map_or(0, |found| found.messages));
    let waited = count().await?;
    let mut taker = Taker::start(broker, queue, BATCH).await?;
    let (mut letters, mut deliveries, mut nothing) = (0, 0, 0);
    while deliveries < waited && nothing < NOTHING && until.is_none_or(|until| Instant::now() < until) {
        let taken = taker.take().await?;
        if taken.deliveries == 0 {
            if count().await? == 0 {
                break;
            }
            nothing += 1;
            continue;
        }
        (nothing, deliveries) = (0, deliveries + taken.deliveries);
        letters += store(db, queue, consumer, by, &taken.messages).await?;
        taker.done(taken).await?;
    }
    let rest = taker.rest().await?;
    letters += store(db, queue, consumer, by, &rest.messages).await?;
    deliveries += rest.deliveries;
    taker.done(rest).await?;
    taker.close().await?;
    let left = count().await?;
    tracing::info!(queue, letters, left, actor = %by.actor, "a queue was drained");
    Ok(Drained { letters, left, is_complete: deliveries >= waited || left == 0 })
}

async fn store(
    db: &PgPool,
    queue: &str,
    consumer: WorkQueue,
    by: &By<'_>,
    messages: &[crate::messaging::Incoming],
) -> Result<u64, sqlx::Error> {
    if messages.is_empty() {
        return Ok(0);
    }
    let now = OffsetDateTime::now_utc();
    let error = format!("taken out of {queue}: {}", by.why);
    let letters: Vec<Arrived> = messages.iter().map(|message| drained(message, consumer, &error, now)).collect();
    let mut connection = db.acquire().await?;
    let mut tx = connection.begin().await?;
    upsert(&mut tx, &letters).await?;
    by.did(&mut tx, "queue.drain", &format!("queue:{queue}"), Some(&json!({"letters": letters.len()}))).await?;
    tx.commit().await?;
    Ok(u64::try_from(letters.len()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_a_consumer_to_go_back_to_can_be_drained() {
        assert_eq!(consumer_of("payment_requests"), Some(WorkQueue::PaymentRequests));
        assert_eq!(consumer_of("order_retry_2"), Some(WorkQueue::OrderProcessing));
        for refused in ["dead_letters", "unreadable_letters", "payments", ""] {
            assert_eq!(consumer_of(refused), None, "{refused}");
        }
    }
}
