//! Looks after orders that were accepted and never taken up: submits them again under the same message id, which is harmless when
//! the first message is only late. Orders that have moved on are forgotten.

use serde_json::json;
use sqlx::PgConnection;

use super::job::{Done, JobError};
use crate::lifecycle::submission;
use crate::store::{outbox, stuck};

/// Orders submitted again in one run.
const LIMIT: i64 = 200;

pub async fn run(db: &mut PgConnection) -> Result<Done, JobError> {
    let forgotten = stuck::forget_settled(db).await?;
    let pending = stuck::take_pending(db, LIMIT).await?;
    if pending.is_empty() {
        return Ok(Done { count: forgotten, detail: json!({"moved_on": forgotten}), wakes_relay: false });
    }
    let messages = pending
        .iter()
        .map(|(order, correlation_id)| submission(order.id, order.priority, correlation_id, order))
        .collect::<Result<Vec<_>, _>>()?;
    outbox::add_all(db, &messages).await?;
    for (order, correlation_id) in &pending {
        tracing::warn!(order_id = %order.id, correlation_id, "accepted and never taken up, submitted again");
    }
    let again = i64::try_from(pending.len()).unwrap_or(i64::MAX);
    let detail = json!({"submitted_again": again, "moved_on": forgotten});
    Ok(Done { count: again + forgotten, detail, wakes_relay: true })
}
