//! An operator ends an order that stands still: what is on record of its goods and its money says how far it may go, and the saga takes it
//! there, compensation included. Called by the HTTP API, which owns the transaction.

use serde_json::json;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::SagaArgs;
use super::change::{Bearer, Changed, change};
use super::request::Origin;
use crate::domain::OrderId;
use crate::domain::saga::{End, Facts, State, Step, by_hand};
use crate::store::audit_log::{self, Deed};
use crate::store::{outbox, payments, sagas, stock};

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// It has ended so, or is on its way there.
    Granted {
        /// Whether anything was changed; otherwise it had ended so before.
        changed: bool,
        state: State,
    },
    /// The facts do not allow it.
    Missing { what: String, current: State, facts: Facts },
    /// There is no such order.
    Unknown,
}

/// # Errors
/// Any database error; then nothing must be committed.
pub async fn resolve(
    db: &mut PgConnection,
    args: &SagaArgs,
    order_id: OrderId,
    end: End,
    why: &str,
    origin: &Origin<'_>,
) -> Result<Resolved, sqlx::Error> {
    let Some(mut progress) = sagas::lock(db, &[order_id]).await?.remove(&order_id) else {
        return Ok(Resolved::Unknown);
    };
    let facts = facts(db, order_id).await?;
    let before = progress.state.clone();
    let inputs = match by_hand(&before, &facts, end) {
        Ok(inputs) => inputs,
        Err(missing) => return Ok(Resolved::Missing { what: missing.to_string(), current: before, facts }),
    };
    if inputs.is_empty() {
        return Ok(Resolved::Granted { changed: false, state: before });
    }
    let actor = origin.actor.to_string();
    let bearer = Bearer {
        actor: &actor,
        message_id: None,
        correlation_id: Some(origin.correlation_id),
        why: Some(why),
        now: OffsetDateTime::now_utc(),
    };
    let (mut lines, mut messages) = (Vec::new(), Vec::new());
    for input in &inputs {
        match change(&mut progress, input, &bearer).map_err(|error| sqlx::Error::Encode(error.into()))? {
            Changed::Moved { line, messages: caused } => {
                lines.push(line);
                messages.extend(caused);
            }
            Changed::Stayed { messages: caused } => messages.extend(caused),
            Changed::Refused => {
                let what = format!("the saga does not allow {} now", input.as_str());
                return Ok(Resolved::Missing { what, current: before, facts });
            }
        }
    }
    sagas::save(db, &[&progress], |step| args.patience(step), &lines).await?;
    outbox::add_all(db, &messages).await?;
    let deed = Deed {
        actor: origin.actor,
        action: "order.resolve",
        target: &format!("order:{order_id}"),
        reason: Some(why),
        before: Some(&told(&before)),
        after: Some(&told(&progress.state)),
        correlation_id: Some(origin.correlation_id),
    };
    audit_log::append(db, &deed).await?;
    Ok(Resolved::Granted { changed: true, state: progress.state })
}

/// What is on record; the rows stay as they are until the transaction ends.
async fn facts(db: &mut PgConnection, order_id: OrderId) -> Result<Facts, sqlx::Error> {
    let reservation = stock::lock_reservations(db, &[order_id]).await?.remove(&order_id);
    let payment = payments::lock(db, &[order_id]).await?.remove(&order_id);
    Ok(Facts {
        reservation: reservation.as_ref().map(|made| made.status),
        shortages: reservation.map(|made| made.shortages).unwrap_or_default(),
        payment: payment.as_ref().map(|payment| payment.status),
        decline_code: payment.and_then(|payment| payment.decline_code),
    })
}

fn told(state: &State) -> serde_json::Value {
    json!({"status": state.status.as_str(), "step": state.step.as_ref().map(Step::as_str)})
}
