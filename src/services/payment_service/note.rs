//! Meets what the gateway answered with what is recorded: the one decision about a payment, without IO.

use super::Answer;
use crate::contract::payment::{PaymentReply, PaymentRequest};
use crate::domain::OrderId;
use crate::domain::payment::PaymentStatus;
use crate::messaging::Failure;
use crate::ports::gateway::{Charge, Refund};
use crate::store::payments::{Payment, Remembered};

/// What is to be written and answered for one request.
pub struct Noted {
    pub payment: Option<Payment>,
    /// `None` while the gateway has not decided.
    pub answer: Option<PaymentReply>,
    /// Money was taken after the order had given the payment up; it must be given back.
    pub cancel: bool,
}

/// Meets the gateway's answer with what is recorded by now: another request for the same order may have been faster.
pub fn note(known: Option<&Remembered>, request: &PaymentRequest, answer: &Answer) -> Result<Noted, Failure> {
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
pub fn as_it_stands(order_id: OrderId, known: &Remembered) -> Option<PaymentReply> {
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

pub fn remembered(payment: &Payment) -> Remembered {
    Remembered {
        status: payment.status,
        reference: payment.reference.clone(),
        decline_code: payment.decline_code.clone(),
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
