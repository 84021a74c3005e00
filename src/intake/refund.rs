//! The use case "give the customer's money back": an operator asks for the full refund of a paid order, which stays what it is. Called
//! by the HTTP API, which owns the transaction. However often it is asked for, the money goes back once.

use sqlx::PgConnection;

use crate::contract::payment::{PaymentRequest, REFUND};
use crate::domain::payment::PaymentStatus;
use crate::domain::saga::{Decision, Input, decide};
use crate::domain::{OrderId, OrderStatus};
use crate::store::sagas::{self, HistoryLine};
use crate::store::{outbox, payment_book, payments};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The gateway will be asked.
    Now,
    /// It was asked for before; nothing more to do.
    Before,
}

#[derive(Debug, thiserror::Error)]
pub enum RefundError {
    #[error("no order has this id")]
    Unknown,
    /// The order holds no money, or is about to give it back by itself.
    #[error("the order is {0}; it can be refunded while it is confirmed, shipped or delivered")]
    NotPaid(OrderStatus),
    #[error("the order's payment is {0}, so there is nothing to give back")]
    NothingHeld(&'static str),
    #[error("the refund could not be stored")]
    Database(#[from] sqlx::Error),
}

/// Leaves the request to the payment-service in the outbox, and the wish in the order's history.
///
/// # Errors
/// [`RefundError`] says why there is nothing to be given back.
pub async fn ask(db: &mut PgConnection, order_id: OrderId, reason: &str, actor: &str) -> Result<Asked, RefundError> {
    let progress = sagas::lock(db, &[order_id]).await?.remove(&order_id).ok_or(RefundError::Unknown)?;
    let status = progress.state.status;
    let Decision::Proceed { .. } = decide(&progress.state, &Input::RefundRequested) else {
        return Err(RefundError::NotPaid(status));
    };
    let payment = payments::lock(db, &[order_id]).await?.remove(&order_id);
    match payment.map(|payment| payment.status) {
        Some(PaymentStatus::Refunded) => return Ok(Asked::Before),
        Some(PaymentStatus::Taken) => {}
        Some(other @ (PaymentStatus::Pending | PaymentStatus::Declined | PaymentStatus::Cancelled)) => {
            return Err(RefundError::NothingHeld(other.as_str()));
        }
        None => return Err(RefundError::NothingHeld("unknown")),
    }
    if !payment_book::ask_refund(db, order_id, reason, actor).await? {
        return Ok(Asked::Before);
    }
    let request = PaymentRequest::Cancel { order_id }.message(REFUND);
    let request = request.map_err(|error| sqlx::Error::Encode(error.into()))?;
    let line = HistoryLine {
        order_id,
        event: Input::RefundRequested.as_str(),
        status: status.as_str(),
        step: None,
        detail: Some(format!("{reason} (by {actor})")),
        message_id: request.message_id,
    };
    sagas::append_history(db, &[line]).await?;
    outbox::add_all(db, &[request.correlated(Some(&progress.correlation_id))]).await?;
    Ok(Asked::Now)
}
