//! The payment-service: takes and cancels payments on request (`payment_requests`). The gateway is asked outside of any transaction,
//! many orders at the same time, under the order's id as the key; the answer is recorded together with the reply.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use tokio::time::timeout;

use crate::contract::Outgoing;
use crate::contract::payment::{GIVE_BACK, PaymentReply, PaymentRequest};
use crate::domain::OrderId;
use crate::domain::payment::{AttemptOutcome, Call, GatewayCall, PaymentStatus, to_cancel, to_take};
use crate::messaging::{Delivery, Failure, Handler, Incoming, Outcome, Source, later_reply, reply};
use crate::ports::gateway::{Charge, ChargeRequest, GatewayError, PaymentGateway, Refund};
use crate::store::payment_book::{self, Attempt, Requester};
use crate::store::payments::{self, Payment, Remembered};
use crate::topology::WorkQueue;

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
            self.note_failure(incoming, message, error).await;
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

/// Those who wait for results that the gateway tells later.
#[derive(Default)]
struct Waiting {
    begun: Vec<Requester>,
    /// Payments that are no longer pending, and the place of the delivery that ended it.
    ended: Vec<(OrderId, usize)>,
}

impl Waiting {
    fn see(&mut self, place: usize, incoming: &Incoming, before: Option<&Remembered>, now: &Payment) {
        let order_id = now.order_id;
        match now.status {
            PaymentStatus::Pending => self.begun.extend(incoming.reply_to().map(|reply_to| Requester {
                order_id,
                request_id: incoming.message_id,
                reply_to: reply_to.to_owned(),
                correlation_id: incoming.correlation_id().map(str::to_owned),
            })),
            PaymentStatus::Taken | PaymentStatus::Declined | PaymentStatus::Cancelled | PaymentStatus::Refunded => {
                if before.is_some_and(|before| before.status == PaymentStatus::Pending) {
                    self.ended.push((order_id, place));
                }
            }
        }
    }

    /// Keeps who begins to wait, and answers those whose payment has ended by another request than theirs.
    async fn close(
        self,
        db: &mut PgConnection,
        book: &HashMap<OrderId, Remembered>,
        outcomes: &mut [Outcome],
    ) -> Result<(), sqlx::Error> {
        payment_book::put_aside(db, &self.begun).await?;
        let ended: Vec<OrderId> = self.ended.iter().map(|(order_id, _)| *order_id).collect();
        for requester in payment_book::take_requesters(db, &ended).await? {
            let place =
                self.ended.iter().find(|(order_id, _)| *order_id == requester.order_id).map(|(_, place)| *place);
            let Some(Outcome::Done(messages)) = place.and_then(|place| outcomes.get_mut(place)) else { continue };
            let known = book.get(&requester.order_id);
            let Some(answer) = known.and_then(|known| as_it_stands(requester.order_id, known)) else { continue };
            let Requester { request_id, reply_to, correlation_id, .. } = &requester;
            let reply = later_reply(*request_id, reply_to, correlation_id.as_deref(), answer.kind(), &answer);
            messages.push(reply.map_err(|error| sqlx::Error::Encode(error.into()))?);
        }
        Ok(())
    }
}

/// What is to be written and answered for one request.
struct Noted {
    payment: Option<Payment>,
    /// `None` while the gateway has not decided.
    answer: Option<PaymentReply>,
    /// Money was taken after the order had given the payment up; it must be given back.
    cancel: bool,
}

/// Meets the gateway's answer with what is recorded by now: another request for the same order may have been faster.
fn note(known: Option<&Remembered>, request: &PaymentRequest, answer: &Answer) -> Result<Noted, Failure> {
    let order_id = request.order_id();
    let changed_meanwhile = || Failure::Transient(format!("the payment of order {order_id} changed meanwhile"));
    let status = known.map(|known| known.status);
    let only = |payment, answer| Ok(Noted { payment, answer, cancel: false });
    match (request, answer, status) {
        (
            PaymentRequest::Take { .. },
            Answer::Charged(Charge::Taken { reference }),
            None | Some(PaymentStatus::Taken | PaymentStatus::Pending),
        ) => {
            let payment = record(request, PaymentStatus::Taken, Some(reference.clone()), None);
            only(Some(payment), Some(PaymentReply::Taken { order_id, reference: reference.clone() }))
        }
        (PaymentRequest::Take { .. }, Answer::Charged(Charge::Taken { reference }), Some(_)) => {
            let payment = record(request, PaymentStatus::Taken, Some(reference.clone()), None);
            let answer = PaymentReply::Declined { order_id, code: "cancelled".to_owned() };
            Ok(Noted { payment: Some(payment), answer: Some(answer), cancel: true })
        }
        (
            PaymentRequest::Take { .. },
            Answer::Charged(Charge::Declined { code }),
            None | Some(PaymentStatus::Pending),
        ) => {
            let payment = record(request, PaymentStatus::Declined, None, Some(code.clone()));
            only(Some(payment), Some(PaymentReply::Declined { order_id, code: code.clone() }))
        }
        (PaymentRequest::Take { .. }, Answer::Charged(Charge::Pending { reference }), None) => {
            only(Some(record(request, PaymentStatus::Pending, Some(reference.clone()), None)), None)
        }
        // the webhook may have been faster than the answer to the charge
        (PaymentRequest::Take { .. }, _, Some(_)) => only(None, known.and_then(|known| as_it_stands(order_id, known))),
        (PaymentRequest::Take { .. }, Answer::Refunded(_) | Answer::NotAsked, None) => Err(changed_meanwhile()),
        (PaymentRequest::Cancel { .. }, Answer::Refunded(Refund::Refunded { reference }), _) => {
            let payment = record(request, PaymentStatus::Refunded, Some(reference.clone()), None);
            only(Some(payment), Some(PaymentReply::Cancelled { order_id, refunded: true }))
        }
        (PaymentRequest::Cancel { .. }, Answer::Refunded(Refund::NothingHeld), Some(PaymentStatus::Taken)) => {
            Err(changed_meanwhile())
        }
        (PaymentRequest::Cancel { .. }, Answer::Refunded(Refund::NothingHeld), None | Some(PaymentStatus::Pending)) => {
            let payment = record(request, PaymentStatus::Cancelled, None, None);
            only(Some(payment), Some(PaymentReply::Cancelled { order_id, refunded: false }))
        }
        (
            PaymentRequest::Cancel { .. },
            Answer::NotAsked | Answer::Charged(_),
            None | Some(PaymentStatus::Taken | PaymentStatus::Pending),
        ) => Err(changed_meanwhile()),
        (PaymentRequest::Cancel { .. }, _, Some(status)) => {
            let refunded = status == PaymentStatus::Refunded;
            only(None, Some(PaymentReply::Cancelled { order_id, refunded }))
        }
    }
}

/// The answer to whoever asked to take the payment; none while it is pending.
fn as_it_stands(order_id: OrderId, known: &Remembered) -> Option<PaymentReply> {
    let declined = |code: &str| Some(PaymentReply::Declined { order_id, code: code.to_owned() });
    match known.status {
        PaymentStatus::Pending => None,
        PaymentStatus::Taken => {
            Some(PaymentReply::Taken { order_id, reference: known.reference.clone().unwrap_or_default() })
        }
        PaymentStatus::Declined => declined(known.decline_code.as_deref().unwrap_or("declined")),
        PaymentStatus::Cancelled => declined("cancelled"),
        PaymentStatus::Refunded => declined("refunded"),
    }
}

fn record(
    request: &PaymentRequest,
    status: PaymentStatus,
    reference: Option<String>,
    decline_code: Option<String>,
) -> Payment {
    let (customer_id, amount) = match request {
        PaymentRequest::Take { customer_id, amount, .. } => (Some(customer_id.clone()), Some(*amount)),
        PaymentRequest::Cancel { .. } => (None, None),
    };
    Payment { order_id: request.order_id(), customer_id, amount, status, reference, decline_code }
}

fn remembered(payment: &Payment) -> Remembered {
    Remembered {
        status: payment.status,
        reference: payment.reference.clone(),
        decline_code: payment.decline_code.clone(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn take(order_id: OrderId) -> PaymentRequest {
        PaymentRequest::Take {
            order_id,
            customer_id: crate::domain::CustomerId::parse("c").expect("valid"),
            amount: "9.99".parse().expect("valid"),
            payment_token: None,
        }
    }

    fn known(status: PaymentStatus) -> Remembered {
        Remembered { status, reference: Some("ch_1".into()), decline_code: None }
    }

    #[test]
    fn money_that_arrives_after_the_cancellation_is_given_back() {
        let charged = Answer::Charged(Charge::Taken { reference: "ch_1".into() });
        let noted = note(Some(&known(PaymentStatus::Cancelled)), &take(OrderId::mint()), &charged).expect("noted");
        assert!(noted.cancel);
        assert_eq!(noted.payment.expect("recorded").status, PaymentStatus::Taken);
        assert!(matches!(noted.answer, Some(PaymentReply::Declined { .. })));
    }

    #[test]
    fn a_cancellation_decided_on_old_knowledge_is_tried_again() {
        let request = PaymentRequest::Cancel { order_id: OrderId::mint() };
        let nothing = Answer::Refunded(Refund::NothingHeld);
        assert!(matches!(note(Some(&known(PaymentStatus::Taken)), &request, &nothing), Err(Failure::Transient(_))));
        let noted = note(None, &request, &nothing).expect("noted");
        assert_eq!(noted.payment.expect("recorded").status, PaymentStatus::Cancelled);
    }

    #[test]
    fn a_repeated_request_gets_the_first_answer_without_a_second_record() {
        let noted = note(Some(&known(PaymentStatus::Taken)), &take(OrderId::mint()), &Answer::NotAsked).expect("noted");
        assert!(noted.payment.is_none());
        assert!(matches!(noted.answer, Some(PaymentReply::Taken { reference, .. }) if reference == "ch_1"));
    }

    #[test]
    fn a_pending_payment_is_recorded_and_answered_by_nobody_yet() {
        let pending = Answer::Charged(Charge::Pending { reference: "ch_1".into() });
        let noted = note(None, &take(OrderId::mint()), &pending).expect("noted");
        assert_eq!(noted.payment.expect("recorded").status, PaymentStatus::Pending);
        assert_eq!(noted.answer, None);
        let overtaken = note(Some(&known(PaymentStatus::Taken)), &take(OrderId::mint()), &pending).expect("noted");
        assert!(overtaken.payment.is_none() && matches!(overtaken.answer, Some(PaymentReply::Taken { .. })));
    }

    #[test]
    fn a_pending_payment_is_cancelled_before_any_money_moves() {
        let request = PaymentRequest::Cancel { order_id: OrderId::mint() };
        let nothing = Answer::Refunded(Refund::NothingHeld);
        let noted = note(Some(&known(PaymentStatus::Pending)), &request, &nothing).expect("noted");
        assert_eq!(noted.payment.expect("recorded").status, PaymentStatus::Cancelled);
    }
}
