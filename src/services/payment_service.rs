//! The payment-service: takes and cancels payments on request (`payment_requests`). The gateway is asked outside of any transaction,
//! many orders at the same time, under the order's id as the key; the answer is recorded together with the reply.

use std::collections::{BTreeSet, HashMap};

use sqlx::PgConnection;

use crate::contract::Outgoing;
use crate::contract::payment::{PaymentReply, PaymentRequest};
use crate::domain::OrderId;
use crate::domain::payment::{GatewayCall, PaymentStatus, to_cancel, to_take};
use crate::messaging::{Delivery, Failure, Handler, Incoming, Outcome, Source, reply};
use crate::ports::gateway::{Charge, ChargeRequest, PaymentGateway, Refund};
use crate::store::payments::{self, Payment, Remembered};
use crate::topology::{WorkQueue, names};

pub struct PaymentService<G> {
    pub gateway: G,
}

/// What the gateway said, or that it did not have to be asked.
pub enum Answer {
    Charged(Charge),
    Refunded(Refund),
    NotAsked,
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

    async fn call_outside(
        &self,
        incoming: &Incoming,
        message: &PaymentRequest,
        known: Option<Remembered>,
    ) -> Result<Answer, Failure> {
        let status = known.as_ref().map(|known| known.status);
        let call = match message {
            PaymentRequest::Take { .. } => to_take(status),
            PaymentRequest::Cancel { .. } => to_cancel(status),
        };
        let answer = match (call, message) {
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
                let charged = known.as_ref().and_then(|known| known.reference.as_deref());
                self.gateway.refund(message.order_id().0, charged).await.map(Answer::Refunded)
            }
            (GatewayCall::Charge | GatewayCall::Nothing, _) => Ok(Answer::NotAsked),
        };
        answer.map_err(|error| Failure::Transient(error.to_string()))
    }

    async fn apply(&self, db: &mut PgConnection, batch: &[&Delivery<Self>]) -> Result<Vec<Outcome>, sqlx::Error> {
        let orders: BTreeSet<OrderId> = batch.iter().map(|delivery| delivery.message.order_id()).collect();
        let mut book = payments::lock(db, &orders.into_iter().collect::<Vec<_>>()).await?;
        let mut changed: HashMap<OrderId, Payment> = HashMap::new();
        let mut outcomes = Vec::with_capacity(batch.len());
        for delivery in batch {
            let order_id = delivery.message.order_id();
            let noted = note(book.get(&order_id), &delivery.message, &delivery.fetched);
            outcomes.push(match noted {
                Err(failure) => Outcome::Failed(failure),
                Ok(Noted { payment, answer, cancel }) => {
                    if let Some(payment) = payment {
                        book.insert(order_id, remembered(&payment));
                        changed.insert(order_id, payment);
                    }
                    messages(&delivery.incoming, order_id, &answer, cancel)
                }
            });
        }
        payments::save(db, &changed.into_values().collect::<Vec<_>>()).await?;
        Ok(outcomes)
    }
}

/// What is to be written and answered for one request.
struct Noted {
    payment: Option<Payment>,
    answer: PaymentReply,
    /// Money was taken after the order had given the payment up; it must be given back.
    cancel: bool,
}

/// Meets the gateway's answer with what is recorded by now: another request for the same order may have been faster.
fn note(known: Option<&Remembered>, request: &PaymentRequest, answer: &Answer) -> Result<Noted, Failure> {
    let order_id = request.order_id();
    let changed_meanwhile = || Failure::Transient(format!("the payment of order {order_id} changed meanwhile"));
    let status = known.map(|known| known.status);
    match (request, answer, status) {
        (
            PaymentRequest::Take { .. },
            Answer::Charged(Charge::Taken { reference }),
            None | Some(PaymentStatus::Taken),
        ) => {
            let payment = record(request, PaymentStatus::Taken, Some(reference.clone()), None);
            let answer = PaymentReply::Taken { order_id, reference: reference.clone() };
            Ok(Noted { payment: Some(payment), answer, cancel: false })
        }
        (PaymentRequest::Take { .. }, Answer::Charged(Charge::Taken { reference }), Some(_)) => {
            let payment = record(request, PaymentStatus::Taken, Some(reference.clone()), None);
            let answer = PaymentReply::Declined { order_id, code: "cancelled".to_owned() };
            Ok(Noted { payment: Some(payment), answer, cancel: true })
        }
        (PaymentRequest::Take { .. }, Answer::Charged(Charge::Declined { code }), None) => {
            let payment = record(request, PaymentStatus::Declined, None, Some(code.clone()));
            let answer = PaymentReply::Declined { order_id, code: code.clone() };
            Ok(Noted { payment: Some(payment), answer, cancel: false })
        }
        (PaymentRequest::Take { .. }, _, Some(status)) => {
            let answer = as_it_stands(order_id, status, known);
            Ok(Noted { payment: None, answer, cancel: false })
        }
        (PaymentRequest::Take { .. }, Answer::Refunded(_) | Answer::NotAsked, None) => Err(changed_meanwhile()),
        (PaymentRequest::Cancel { .. }, Answer::Refunded(Refund::Refunded { reference }), _) => {
            let payment = record(request, PaymentStatus::Refunded, Some(reference.clone()), None);
            Ok(Noted {
                payment: Some(payment),
                answer: PaymentReply::Cancelled { order_id, refunded: true },
                cancel: false,
            })
        }
        (PaymentRequest::Cancel { .. }, Answer::Refunded(Refund::NothingHeld), Some(PaymentStatus::Taken)) => {
            Err(changed_meanwhile())
        }
        (PaymentRequest::Cancel { .. }, Answer::Refunded(Refund::NothingHeld), None) => {
            let payment = record(request, PaymentStatus::Cancelled, None, None);
            Ok(Noted {
                payment: Some(payment),
                answer: PaymentReply::Cancelled { order_id, refunded: false },
                cancel: false,
            })
        }
        (PaymentRequest::Cancel { .. }, Answer::NotAsked | Answer::Charged(_), None | Some(PaymentStatus::Taken)) => {
            Err(changed_meanwhile())
        }
        (PaymentRequest::Cancel { .. }, _, Some(status)) => {
            let refunded = status == PaymentStatus::Refunded;
            Ok(Noted { payment: None, answer: PaymentReply::Cancelled { order_id, refunded }, cancel: false })
        }
    }
}

/// The answer to a repeated request to take.
fn as_it_stands(order_id: OrderId, status: PaymentStatus, known: Option<&Remembered>) -> PaymentReply {
    let declined = |code: &str| PaymentReply::Declined { order_id, code: code.to_owned() };
    match status {
        PaymentStatus::Taken => {
            let reference = known.and_then(|known| known.reference.clone()).unwrap_or_default();
            PaymentReply::Taken { order_id, reference }
        }
        PaymentStatus::Declined => {
            declined(known.and_then(|known| known.decline_code.as_deref()).unwrap_or("declined"))
        }
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

fn messages(request: &Incoming, order_id: OrderId, answer: &PaymentReply, cancel: bool) -> Outcome {
    tracing::debug!(%order_id, correlation_id = request.correlation_id(), answer = answer.kind(), "payment answered");
    let written = || -> Result<Vec<Outgoing>, Failure> {
        let mut messages: Vec<Outgoing> = reply(request, answer.kind(), answer)?.into_iter().collect();
        if cancel {
            let cancel = PaymentRequest::Cancel { order_id };
            let id = order_id.message_id("cancel_late_payment");
            let message = Outgoing::json(id, "", names::PAYMENT_REQUESTS, cancel.kind(), &cancel)
                .map_err(|error| Failure::Transient(error.to_string()))?;
            messages.push(message.correlated(request.correlation_id()).replying_to(names::ORDER_REPLIES));
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
        assert!(matches!(noted.answer, PaymentReply::Declined { .. }));
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
        assert!(matches!(noted.answer, PaymentReply::Taken { reference, .. } if reference == "ch_1"));
    }
}
