//! What operators stop and let go: the consumers of a queue, an order. Called by the verbs of dead-letter-handler and by the API, which own
//! the transaction. Every process looks once a second.

use sqlx::PgConnection;
use uuid::Uuid;

use super::by::By;
use crate::store::controls;
use crate::topology::WorkQueue;

/// The consumers of the queue finish what they have in hand and take nothing more. Paused already, they get this reason.
///
/// # Errors
/// Any database error.
pub async fn pause(db: &mut PgConnection, queue: WorkQueue, by: &By<'_>) -> Result<(), sqlx::Error> {
    controls::pause(db, queue.name(), by.why, &by.actor.to_string()).await?;
    by.did(db, "consumer.pause", &format!("queue:{}", queue.name()), None).await
}

/// The consumers of the queue go on. Answers whether they were paused.
///
/// # Errors
/// Any database error.
pub async fn resume(db: &mut PgConnection, queue: WorkQueue, by: &By<'_>) -> Result<bool, sqlx::Error> {
    if !controls::resume(db, queue.name()).await? {
        return Ok(false);
    }
    by.did(db, "consumer.resume", &format!("queue:{}", queue.name()), None).await?;
    Ok(true)
}

/// Messages about the order are parked from now on. Held already, it gets this reason.
///
/// # Errors
/// Any database error.
pub async fn hold(db: &mut PgConnection, order: Uuid, by: &By<'_>) -> Result<(), sqlx::Error> {
    controls::hold(db, order, by.why, &by.actor.to_string()).await?;
    by.did(db, "order.hold", &format!("order:{order}"), None).await
}

/// The order goes on; what was parked follows in its sequence. Answers whether it was held.
///
/// # Errors
/// Any database error.
pub async fn let_go(db: &mut PgConnection, order: Uuid, by: &By<'_>) -> Result<bool, sqlx::Error> {
    if !controls::let_go(db, order).await? {
        return Ok(false);
    }
    by.did(db, "order.release", &format!("order:{order}"), None).await?;
    Ok(true)
}
