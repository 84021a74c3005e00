//! One input of one locked order: asks the saga what it means, and puts the answer into the order, its history and messages.

use time::OffsetDateTime;
use uuid::Uuid;

use super::effects::{Cause, message};
use crate::contract::Outgoing;
use crate::contract::order::whole_microseconds;
use crate::domain::OrderStatus;
use crate::domain::saga::{Decision, Effect, FailureReason, Input, State, Step, decide};
use crate::store::sagas::{HistoryLine, Progress};
use crate::telemetry::metrics;

/// Who or what brings the input.
#[derive(Clone, Copy, Debug)]
pub struct Bearer<'a> {
    pub actor: &'a str,
    /// `None` for what a person asked for.
    pub message_id: Option<Uuid>,
    /// Of the person's request.
    pub correlation_id: Option<&'a str>,
    /// Why, in the person's words; otherwise the saga's own reason is written down.
    pub why: Option<&'a str>,
    pub now: OffsetDateTime,
}

/// What an input did to its order. The messages are to be published once all is committed.
pub enum Changed {
    /// Something has happened to the order, most often that it has moved on: [`Progress`] is to be written back, with this line.
    Moved { line: HistoryLine, messages: Vec<Outgoing> },
    /// It stays as it is; the messages repair what a late answer left behind. Usually there are none.
    Stayed { messages: Vec<Outgoing> },
    /// Its state does not allow that.
    Refused,
}

/// # Errors
/// Never for the messages that there are; the signature is that of the JSON writer.
pub fn change(progress: &mut Progress, input: &Input, bearer: &Bearer<'_>) -> Result<Changed, serde_json::Error> {
    match decide(&progress.state, input) {
        Decision::Refuse => Ok(Changed::Refused),
        Decision::Ignore => Ok(Changed::Stayed { messages: Vec::new() }),
        Decision::Repair { effects } => Ok(Changed::Stayed { messages: messages(progress, &effects, None, bearer)? }),
        Decision::Proceed { next, reason, effects } => {
            let moves = next != progress.state;
            if moves {
                arrive(progress, next, reason.as_ref(), bearer.now);
            }
            note(progress, input, bearer, moves);
            Ok(Changed::Moved {
                line: line(progress, input, reason.as_ref(), bearer),
                messages: messages(progress, &effects, reason.as_ref(), bearer)?,
            })
        }
    }
}

/// Into another state; an order that stays where it is keeps its reason and its times.
fn arrive(progress: &mut Progress, next: State, reason: Option<&FailureReason>, now: OffsetDateTime) {
    progress.order.status = next.status;
    if next.status.is_settled() {
        progress.order.reason = reason.map(|reason| reason.code().to_owned());
    }
    let now = whole_microseconds(now);
    match next.status {
        OrderStatus::Confirmed => progress.order.confirmed_at = Some(now),
        OrderStatus::Delivered => progress.order.delivered_at = Some(now),
        OrderStatus::Pending
        | OrderStatus::Processing
        | OrderStatus::Shipped
        | OrderStatus::Failed
        | OrderStatus::Cancelled => {}
    }
    progress.state = next;
}

fn messages(
    progress: &Progress,
    effects: &[Effect],
    reason: Option<&FailureReason>,
    bearer: &Bearer<'_>,
) -> Result<Vec<Outgoing>, serde_json::Error> {
    let cause = Cause { message_id: bearer.message_id, reason, now: bearer.now };
    effects.iter().map(|effect| message(progress, effect, &cause)).collect()
}

fn line(progress: &Progress, input: &Input, reason: Option<&FailureReason>, bearer: &Bearer<'_>) -> HistoryLine {
    HistoryLine {
        order_id: progress.order.id,
        event: input.as_str(),
        status: progress.state.status.as_str(),
        step: progress.state.step.as_ref().map(Step::as_str),
        detail: bearer.why.map(str::to_owned).or_else(|| reason.map(ToString::to_string)),
        actor: bearer.actor.to_owned(),
        message_id: bearer.message_id,
        correlation_id: bearer.correlation_id.map(str::to_owned),
    }
}

fn note(progress: &Progress, input: &Input, bearer: &Bearer<'_>, moves: bool) {
    let status = progress.state.status;
    let (order_id, correlation_id, event) = (progress.order.id, &progress.correlation_id, input.as_str());
    let step = progress.state.step.as_ref().map(Step::as_str);
    if moves && status.is_settled() && step.is_none() {
        let reason = progress.order.reason.as_deref();
        tracing::info!(%order_id, correlation_id, event, %status, reason, actor = bearer.actor, "order settled");
    } else {
        tracing::debug!(%order_id, correlation_id, event, %status, step, actor = bearer.actor, "order moved on");
    }
    if moves && status.is_settled() {
        metrics().orders.with_label_values(&[status.as_str()]).inc();
    }
}
