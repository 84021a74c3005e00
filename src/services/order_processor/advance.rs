//! Moves a batch of locked orders on: decide each input in its turn, write everything back at once.

use std::collections::{BTreeSet, HashMap};

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::SagaArgs;
use super::effects::{Cause, message};
use crate::contract::Outgoing;
use crate::domain::OrderId;
use crate::domain::saga::{Decision, Effect, FailureReason, Input, decide};
use crate::messaging::{Failure, Outcome};
use crate::store::sagas::{self, HistoryLine, Progress};
use crate::telemetry::metrics;

/// One input of one order and the message that brought it.
pub struct Arrived {
    pub order_id: OrderId,
    pub input: Input,
    pub message_id: Uuid,
}

/// Decides the inputs in their order; several for one order see each other's result. `orders` are locked. One outcome per input.
///
/// # Errors
/// Any database error; nothing is committed then.
pub async fn advance(
    db: &mut PgConnection,
    args: &SagaArgs,
    mut orders: HashMap<OrderId, Progress>,
    arrived: &[Arrived],
) -> Result<Vec<Outcome>, sqlx::Error> {
    let mut changed = BTreeSet::new();
    let mut history = Vec::new();
    let mut outcomes = Vec::with_capacity(arrived.len());
    let now = OffsetDateTime::now_utc();
    for Arrived { order_id, input, message_id } in arrived {
        let Some(progress) = orders.get_mut(order_id) else {
            outcomes.push(Outcome::Failed(Failure::Refused(format!("no order has the id {order_id}"))));
            continue;
        };
        let (effects, reason) = match decide(&progress.state, input) {
            Decision::Ignore => (Vec::new(), None),
            Decision::Repair { effects } => (effects, None),
            Decision::Proceed { next, reason, effects } => {
                progress.order.status = next.status;
                if next.status.is_settled() {
                    progress.order.reason = reason.as_ref().map(|reason| reason.code().to_owned());
                }
                progress.state = next;
                changed.insert(*order_id);
                history.push(line(progress, input, reason.as_ref(), *message_id));
                note(progress, input);
                (effects, reason)
            }
        };
        let cause = Cause { message_id: *message_id, reason: reason.as_ref(), now };
        outcomes.push(messages(progress, &effects, &cause));
    }
    let changed: Vec<&Progress> = changed.iter().filter_map(|id| orders.get(id)).collect();
    if !changed.is_empty() {
        sagas::save(db, &changed, |step| args.patience(step), &history).await?;
    }
    Ok(outcomes)
}

fn messages(progress: &Progress, effects: &[Effect], cause: &Cause<'_>) -> Outcome {
    let messages: Result<Vec<Outgoing>, _> = effects.iter().map(|effect| message(progress, effect, cause)).collect();
    match messages {
        Ok(messages) => Outcome::Done(messages),
        Err(error) => Outcome::Failed(Failure::Transient(error.to_string())),
    }
}

fn line(progress: &Progress, input: &Input, reason: Option<&FailureReason>, message_id: Uuid) -> HistoryLine {
    HistoryLine {
        order_id: progress.order.id,
        event: input.as_str(),
        status: progress.state.status.as_str(),
        step: progress.state.step.as_ref().map(crate::domain::saga::Step::as_str),
        detail: reason.map(ToString::to_string),
        message_id,
    }
}

fn note(progress: &Progress, input: &Input) {
    let status = progress.state.status;
    let (order_id, correlation_id, event) = (progress.order.id, &progress.correlation_id, input.as_str());
    if status.is_settled() {
        let reason = progress.order.reason.as_deref();
        tracing::info!(%order_id, correlation_id, event, %status, reason, "order settled");
        metrics().orders.with_label_values(&[status.as_str()]).inc();
    } else {
        let step = progress.state.step.as_ref().map(crate::domain::saga::Step::as_str);
        tracing::debug!(%order_id, correlation_id, event, %status, step, "order moved on");
    }
}
