//! The payment-service: takes and cancels payments on request (`payment_requests`). The gateway is asked outside of any transaction,
//! many orders at the same time, under the order's id as the key; the answer is recorded together with the reply. `note` decides what it means, `waiting` keeps those who get their answer later.

mod note;
mod waiting;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use tokio::time::timeout;

use crate::contract::Outgoing;
use crate::contract::payment::{GIVE_BACK, PaymentReply, PaymentRequest};
use crate::domain::OrderId;
use crate::domain::payment::{AttemptOutcome, Call, GatewayCall, PaymentStatus, to_cancel, to_take};
use crate::messaging::{Delivery, Failure, Handler, Incoming, Outcome, Source, reply};
use crate::ports::gateway::{Charge, ChargeRequest, GatewayError, PaymentGateway, Refund};
use crate::store::payment_book::{self, Attempt};
use crate::store::payments::{self, Payment, Remembered};
use crate::topology::WorkQueue;
use note::{Noted, note, remembered};
use waiting::Waiting;

/// Longest wait for noting a call that failed: the record is for people, and the ladder must not wait for it.
const NOTING: Duration = Duration::from_secs(1);

pub struct PaymentService<G> {
    pub gateway: G,
    /// Where calls without an answer are noted. What was answered is written with the payment.
    pub db: PgPool,
}

/// What the gateway said, or that it did not have to be asked.
pub enum Answer {
    Charged(Charge),
    Refunded(Refund),
    NotAsked,
}

/// What the gateway has to be asked.
fn call_for(message: &PaymentRequest, known: Option<&Remembered>) -> GatewayCall {
    let status = known.map(|known| known.status);
    match message {
        PaymentRequest::Take { .. } => to_take(status),
        PaymentRequest::Cancel { .. } => to_cancel(status),
    }
}

impl<G: PaymentGateway + 'static> Handler for PaymentService<G> {
    type Message = PaymentRequest;
    type Context = Option<Remembered>;
    type Fetched = Answer;

    const ROLE: &'static str = "payment-service";
    const SOURCE: Source = Source::Work(WorkQueue::PaymentRequests);
    const CALLS_OUTSIDE: bool = true;
    const DEPENDENCY: &'static str = "payment gateway";

    fn decode(&self, incoming: &Incoming) -> Result<PaymentRequest, Failure> {
        serde_json::from_slice(&incoming.body)
            .map_err(|error| Failure::BadMessage(format!("the body is no payment request: {error}")))
    }

    async fn look_up(
        &self,
        db: &mut PgConnection,
        messages: &[&PaymentRequest],
    ) -> Result<Vec<Option<Remembered>>, sqlx::Error> {
        let orders: Vec<OrderId> = messages.iter().map(|message| message.order_id()).collect();
        let found = payments::find(db, &orders).await?;
        Ok(orders.iter().map(|order| found.get(order).cloned()).collect())
    }

    fn without_call(&self, message: &PaymentRequest, known: &Option<Remembered>) -> Option<Answer> {
        matches!(call_for(message, known.as_ref()), GatewayCall::Nothing).then_some(Answer::NotAsked)
    }

    async fn call_outside(
        &self,
        incoming: &Incoming,
        message: &PaymentRequest,
        known: Option<Remembered>,
    ) -> Result<Answer, Failure> {
        let answer = match (call_for(message, known.as_ref()), message) {
            (GatewayCall::Charge, PaymentRequest::Take { order_id, amount, payment_token, .. }) => {
                let request = ChargeRequest {
                    key: order_id.0,
                    amount: *amount,
                    token: payment_token.clone(),
                    attempt: incoming.attempt(),
                };
                self.gateway.charge(&request).await.map(Answer::Charged)
            }
            (GatewayCall::Refund, _) => {
                let charged = known.as_ref().filter(|known| known.status == PaymentStatus::Taken);
                let charged = charged.and_then(|known| known.reference.as_deref());
                self.gateway.refund(message.order_id().0, charged).await.map(Answer::Refunded)
            }
            (GatewayCall::Charge | GatewayCall::Nothing, _) => Ok(Answer::NotAsked),
        };
        if let Err(error) = &answer {
            // boxed: thousands of payments are under way at once, and few fail
            Box::pin(self.note_failure(incoming, message, error)).await;
        }
        answer.map_err(|error| Failure::Transient(error.to_string()))
    }

    async fn apply(&self, db: &mut PgConnection, batch: &[&Delivery<Self>]) -> Result<Vec<Outcome>, sqlx::Error> {
        let orders: BTreeSet<OrderId> = batch.iter().map(|delivery| delivery.message.order_id()).collect();
        let mut book = payments::lock(db, &orders.into_iter().collect::<Vec<_>>()).await?;
        let known: HashSet<OrderId> = book.keys().copied().collect();
        let mut changed: HashMap<OrderId, Payment> = HashMap::new();
        let mut waiting = Waiting::default();
        let mut outcomes = Vec::with_capacity(batch.len());
        for (place, delivery) in batch.iter().enumerate() {
            let order_id = delivery.message.order_id();
            let noted = note(book.get(&order_id), &delivery.message, &delivery.fetched);
            outcomes.push(match noted {
                Err(failure) => Outcome::Failed(failure),
                Ok(Noted { payment, answer, cancel }) => {
                    if let Some(payment) = payment {
                        waiting.see(place, &delivery.incoming, book.get(&order_id), &payment);
                        book.insert(order_id, remembered(&payment));
                        changed.insert(order_id, payment);
                    }
                    messages(&delivery.incoming, order_id, answer.as_ref(), cancel)
                }
            });
        }
        let (old, new): (Vec<_>, Vec<_>) = changed.into_values().partition(|payment| known.contains(&payment.order_id));
        let attempts: Vec<Attempt> = batch.iter().filter_map(|delivery| attempt(delivery)).collect();
        payment_book::record(db, &new, &attempts).await?;
        payments::update(db, &old).await?;
        waiting.close(db, &book, &mut outcomes).await?;
        Ok(outcomes)
    }
}

impl<G> PaymentService<G> {
    /// Best effort: the message itself goes on to the ladder whatever becomes of the note.
    async fn note_failure(&self, incoming: &Incoming, message: &PaymentRequest, error: &GatewayError) {
        let call = match message {
            PaymentRequest::Take { .. } => Call::Charge,
            PaymentRequest::Cancel { .. } => Call::Refund,
        };
        let attempt = Attempt {
            order_id: message.order_id(),
            call,
            attempt: Some(incoming.attempt()),
            outcome: AttemptOutcome::Failed,
            reference: None,
            detail: Some(error.to_string()),
        };
        let noting = async { payment_book::note_attempts(&mut *self.db.acquire().await?, &[attempt]).await };
        match timeout(NOTING, noting).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, order_id = %message.order_id(), "a failed payment call is not in its record")
            }
            Err(_) => tracing::warn!(order_id = %message.order_id(), "a failed payment call is not in its record"),
        }
    }
}

/// What the gateway answered, for the record.
fn attempt<G: PaymentGateway + 'static>(delivery: &Delivery<PaymentService<G>>) -> Option<Attempt> {
    use AttemptOutcome::{Declined, NothingHeld, Pending, Refunded, Taken};
    let (call, outcome, reference, detail) = match &delivery.fetched {
        Answer::NotAsked => return None,
        Answer::Charged(Charge::Taken { reference }) => (Call::Charge, Taken, Some(reference.clone()), None),
        Answer::Charged(Charge::Pending { reference }) => (Call::Charge, Pending, Some(reference.clone()), None),
        Answer::Charged(Charge::Declined { code }) => (Call::Charge, Declined, None, Some(code.clone())),
        Answer::Refunded(Refund::Refunded { reference }) => (Call::Refund, Refunded, Some(reference.clone()), None),
        Answer::Refunded(Refund::NothingHeld) => (Call::Refund, NothingHeld, None, None),
    };
    let order_id = delivery.message.order_id();
    Some(Attempt { order_id, call, attempt: Some(delivery.incoming.attempt()), outcome, reference, detail })
}

fn messages(request: &Incoming, order_id: OrderId, answer: Option<&PaymentReply>, cancel: bool) -> Outcome {
    let said = answer.map_or("payment.pending", PaymentReply::kind);
    tracing::debug!(%order_id, correlation_id = request.correlation_id(), answer = said, "payment answered");
    let written = || -> Result<Vec<Outgoing>, Failure> {
        let mut messages: Vec<Outgoing> = match answer {
            Some(answer) => reply(request, answer.kind(), answer)?.into_iter().collect(),
            None => Vec::new(),
        };
        if cancel {
            let cancel = PaymentRequest::Cancel { order_id }.message(GIVE_BACK);
            let cancel = cancel.map_err(|error| Failure::Transient(error.to_string()))?;
            messages.push(cancel.correlated(request.correlation_id()));
        }
        Ok(messages)
    };
    match written() {
        Ok(messages) => Outcome::Done(messages),
        Err(failure) => Outcome::Failed(failure),
    }
}
