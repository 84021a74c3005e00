//! Moves a batch of orders on: lock, decide each input in its turn, write everything back at once.

use std::collections::BTreeSet;

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

/// Decides the inputs in their order; several for one order see each other's result. One outcome per input.
///
/// # Errors
/// Any database error; nothing is committed then.
pub async fn advance(db: &mut PgConnection, args: &SagaArgs, arrived: &[Arrived]) -> Result<Vec<Outcome>, sqlx::Error> {
    let ids: BTreeSet<OrderId> = arrived.iter().map(|arrived| arrived.order_id).collect();
    let mut orders = sagas::lock(db, &ids.into_iter().collect::<Vec<_>>()).await?;
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
                let ends = next.status.is_settled() && next != progress.state;
                progress.order.status = next.status;
                if ends {
                    progress.order.reason = reason.as_ref().map(|reason| reason.code().to_owned());
                }
                progress.state = next;
                changed.insert(*order_id);
                history.push(line(progress, input, reason.as_ref(), *message_id));
                note(progress, input, ends);
                (effects, reason)
            }
        };
        let cause = Cause { message_id: *message_id, reason: reason.as_ref(), now };
        outcomes.push(messages(progress, &effects, &cause));
    }
    let changed: Vec<&Progress> = changed.iter().filter_map(|id| orders.get(id)).collect();
    if !changed.is_empty() {
        sagas::save(db, &changed, |step| args.patience(step)).await?;
        sagas::append_history(db, &history).await?;
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

fn note(progress: &Progress, input: &Input, ends: bool) {
    let status = progress.state.status;
    tracing::info!(
        order_id = %progress.order.id, correlation_id = progress.correlation_id, event = input.as_str(), %status,
        step = progress.state.step.as_ref().map(crate::domain::saga::Step::as_str), reason = progress.order.reason,
        "order moved on"
    );
    if ends {
        metrics().orders.with_label_values(&[status.as_str()]).inc();
    }
}
