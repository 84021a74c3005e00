//! Tells the order-processor of every step that was not answered in time.

use std::time::Duration;

use serde_json::json;
use sqlx::PgConnection;

use super::job::{Done, JobError};
use crate::contract::Outgoing;
use crate::contract::saga::{DEADLINE_PASSED, SagaMessage};
use crate::store::sagas::{Overdue, take_overdue};
use crate::store::{outbox, stuck};
use crate::topology::names;

/// Overdue sagas told of in one run.
const LIMIT: i64 = 500;
/// How long the order-processor has to react before it is told again.
const GRACE: Duration = Duration::from_secs(30);

pub async fn run(db: &mut PgConnection) -> Result<Done, JobError> {
    let overdue = take_overdue(db, LIMIT, GRACE).await?;
    if overdue.is_empty() {
        return Ok(Done::default());
    }
    let messages = overdue.iter().map(message).collect::<Result<Vec<_>, _>>()?;
    outbox::add_all(db, &messages).await?;
    stuck::note_overdue(db, &overdue).await?;
    for saga in &overdue {
        tracing::warn!(
            order_id = %saga.order_id, correlation_id = saga.correlation_id, step = saga.step, "not answered in time"
        );
    }
    let count = i64::try_from(overdue.len()).unwrap_or(i64::MAX);
    Ok(Done { count, detail: json!({"overdue": count}), wakes_relay: true })
}

fn message(saga: &Overdue) -> Result<Outgoing, serde_json::Error> {
    let id = saga.order_id.message_id(&format!("{DEADLINE_PASSED}/{}/{}", saga.step, saga.deadline_micros));
    let body = SagaMessage::DeadlinePassed { order_id: saga.order_id, step: saga.step.clone() };
    let message = Outgoing::json(id, "", names::ORDER_REPLIES, DEADLINE_PASSED, &body)?;
    Ok(message.correlated(Some(&saga.correlation_id)))
}
