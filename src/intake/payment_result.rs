//! The use case "the gateway tells a result": what a pending payment came to. Called by the HTTP API, which has checked who speaks
//! and owns the transaction. A result has its effect once, however often and however late it is told.

use sqlx::PgConnection;

use crate::contract::Outgoing;
use crate::contract::payment::{GIVE_BACK, PaymentReply, PaymentRequest};
use crate::contract::payment_webhook::PaymentResult;
use crate::domain::payment::{AttemptOutcome, Call, LateResult, PaymentStatus, Settling, settle};
use crate::domain::{OrderId, OrderStatus};
use crate::messaging::later_reply;
use crate::store::outbox;
use crate::store::payment_book::{self, Attempt, Debt};
use crate::store::payments::{self, Payment};

/// A result, as the gateway told it.
#[derive(Clone, Debug)]
pub struct Told {
    /// Of the webhook: the same in every repetition.
    pub webhook_id: String,
    /// Its type.
    pub kind: String,
    pub result: LateResult,
    pub data: PaymentResult,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It had its effect before.
    Repeated,
    /// Nobody here knows of such a payment.
    Unknown,
    Settled(Settling),
}

/// Records the result and leaves what follows from it in the outbox. The answer counts only once the caller has committed; after
/// anything but [`Heard::Settled`] there is nothing to commit.
///
/// # Errors
/// Any database error; telling it again is safe.
pub async fn hear(db: &mut PgConnection, told: &Told) -> Result<Heard, sqlx::Error> {
    if payment_book::knows_webhook(db, &told.webhook_id).await? {
        return Ok(Heard::Repeated);
    }
    let order_id = told.data.order_id;
    let debt = payment_book::debt(db, order_id).await?;
    if let Some(debt) = &debt {
        payment_book::open(db, order_id, debt).await?;
    }
    let Some(known) = payments::lock(db, &[order_id]).await?.remove(&order_id) else { return Ok(Heard::Unknown) };
    let is_given_up =
        debt.as_ref().is_some_and(|debt| matches!(debt.status, OrderStatus::Failed | OrderStatus::Cancelled));
    let settling = settle(Some(known.status), is_given_up, told.result);
    let code = told.data.code.clone().unwrap_or_else(|| "declined".to_owned());
    let reference = told.data.reference.clone().or(known.reference);
    match settling {
        Settling::Take => {
            record(db, order_id, PaymentStatus::Taken, reference.clone(), None).await?;
            let reference = reference.unwrap_or_default();
            answer(db, &PaymentReply::Taken { order_id, reference }, order_id).await?;
        }
        Settling::Decline => {
            record(db, order_id, PaymentStatus::Declined, None, Some(code.clone())).await?;
            answer(db, &PaymentReply::Declined { order_id, code }, order_id).await?;
        }
        Settling::GiveBack => {
            record(db, order_id, PaymentStatus::Taken, reference, None).await?;
            outbox::add_all(db, &[give_back(order_id, debt.as_ref())?]).await?;
        }
        Settling::Nothing => {}
    }
    payment_book::note_attempts(db, &[attempt(told)]).await?;
    match payment_book::remember_webhook(db, &told.webhook_id, &told.kind, order_id, settling).await? {
        true => Ok(Heard::Settled(settling)),
        false => Ok(Heard::Repeated),
    }
}

async fn record(
    db: &mut PgConnection,
    order_id: OrderId,
    status: PaymentStatus,
    reference: Option<String>,
    decline_code: Option<String>,
) -> Result<(), sqlx::Error> {
    let payment = Payment { order_id, customer_id: None, amount: None, status, reference, decline_code };
    payments::update(db, &[payment]).await
}

/// The reply under the id that it would have had at once. Nobody waits yet when the result is faster than the answer to its charge: then
/// the payment-service replies.
async fn answer(db: &mut PgConnection, answer: &PaymentReply, order_id: OrderId) -> Result<(), sqlx::Error> {
    let requesters = payment_book::take_requesters(db, &[order_id]).await?;
    let replies = requesters.iter().map(|requester| {
        let correlation_id = requester.correlation_id.as_deref();
        later_reply(requester.request_id, &requester.reply_to, correlation_id, answer.kind(), answer)
    });
    let replies = replies.collect::<Result<Vec<_>, _>>().map_err(|error| sqlx::Error::Encode(error.into()))?;
    outbox::add_all(db, &replies).await
}

fn give_back(order_id: OrderId, debt: Option<&Debt>) -> Result<Outgoing, sqlx::Error> {
    let message = PaymentRequest::Cancel { order_id }.message(GIVE_BACK);
    let message = message.map_err(|error| sqlx::Error::Encode(error.into()))?;
    Ok(message.correlated(debt.map(|debt| debt.correlation_id.as_str())))
}

fn attempt(told: &Told) -> Attempt {
    let (outcome, detail) = match told.result {
        LateResult::Succeeded => (AttemptOutcome::Taken, None),
        LateResult::Failed => (AttemptOutcome::Declined, told.data.code.clone()),
    };
    let PaymentResult { order_id, reference, .. } = told.data.clone();
    Attempt { order_id, call: Call::Webhook, attempt: None, outcome, reference, detail }
}
