//! An operator gives the customer's money back: the full refund of a paid order, which stays what it is. Called by the HTTP API, which
//! owns the transaction. However often it is asked for, the money goes back once.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::SagaArgs;
use super::change::{Bearer, Changed, change};
use super::request::Origin;
use crate::domain::payment::PaymentStatus;
use crate::domain::saga::{Input, State, allowed};
use crate::domain::{OrderId, OrderStatus};
use crate::store::{outbox, payment_book, payments, sagas};

/// What became of the wish for a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refunding {
    /// The gateway will be asked.
    Begun,
    /// It was asked for before, or the money is back already; nothing more to do.
    Repeated,
    /// The order holds no money, or is about to give it back by itself.
    NotPaid {
        current: State,
        /// What may be asked for instead.
        allowed: Vec<OrderStatus>,
    },
    /// What the payment is instead of taken; `None` when there is none.
    NothingHeld(Option<PaymentStatus>),
    /// There is no such order.
    Unknown,
}

/// Leaves the request to the payment-service in the outbox, and the wish in the order's history. `reason` is the operator's.
///
/// # Errors
/// Any database error; then nothing must be committed.
pub async fn refund(
    db: &mut PgConnection,
    args: &SagaArgs,
    order_id: OrderId,
    reason: &str,
    origin: &Origin<'_>,
) -> Result<Refunding, sqlx::Error> {
    let Some(mut progress) = sagas::lock(db, &[order_id]).await?.remove(&order_id) else {
        return Ok(Refunding::Unknown);
    };
    let actor = origin.actor.to_string();
    let bearer = Bearer {
        actor: &actor,
        message_id: None,
        correlation_id: Some(origin.correlation_id),
        why: Some(reason),
        now: OffsetDateTime::now_utc(),
    };
    let changed = change(&mut progress, &Input::RefundRequested, &bearer);
    let (line, messages) = match changed.map_err(|error| sqlx::Error::Encode(error.into()))? {
        Changed::Moved { line, messages } => (line, messages),
        Changed::Stayed { .. } | Changed::Refused => {
            let allowed = allowed(&progress.state);
            return Ok(Refunding::NotPaid { current: progress.state, allowed });
        }
    };
    let payment = payments::lock(db, &[order_id]).await?.remove(&order_id).map(|payment| payment.status);
    match payment {
        Some(PaymentStatus::Taken) => {}
        Some(PaymentStatus::Refunded) => return Ok(Refunding::Repeated),
        None | Some(PaymentStatus::Pending | PaymentStatus::Declined | PaymentStatus::Cancelled) => {
            return Ok(Refunding::NothingHeld(payment));
        }
    }
    if !payment_book::ask_refund(db, order_id, reason, &actor).await? {
        return Ok(Refunding::Repeated);
    }
    sagas::save(db, &[&progress], |step| args.patience(step), &[line]).await?;
    outbox::add_all(db, &messages).await?;
    Ok(Refunding::Begun)
}
