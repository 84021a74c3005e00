//! How an operator ends an order that stands still: which inputs lead there, given what is on record of its goods and its money. An answer
//! that was lost is given again from the record; a step that was never answered is given up as if its deadline had passed. Nothing is
//! decided here that [`super::decide`] would not decide, so stock and money agree with the order whatever an operator asks for.

use super::{FailureReason, Input, State, Step};
use crate::domain::OrderStatus;
use crate::domain::inventory::ReservationStatus;
use crate::domain::payment::PaymentStatus;

/// How an order is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Confirmed,
    Failed,
    Cancelled,
}

impl End {
    pub const ALL: [Self; 3] = [Self::Confirmed, Self::Failed, Self::Cancelled];

    pub fn status(self) -> OrderStatus {
        match self {
            Self::Confirmed => OrderStatus::Confirmed,
            Self::Failed => OrderStatus::Failed,
            Self::Cancelled => OrderStatus::Cancelled,
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.status().as_str() == text)
    }
}

/// What is on record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub reservation: Option<ReservationStatus>,
    pub shortages: Vec<String>,
    pub payment: Option<PaymentStatus>,
    pub decline_code: Option<String>,
}

impl Facts {
    pub fn reservation_word(&self) -> &'static str {
        self.reservation.map_or("none", ReservationStatus::as_str)
    }

    pub fn payment_word(&self) -> &'static str {
        self.payment.map_or("none", PaymentStatus::as_str)
    }
}

/// Why an order cannot end so: what is missing or stands against it, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Missing(pub String);

/// The inputs, in their order; none when the order has ended so already.
///
/// # Errors
/// [`Missing`] when state and facts do not allow this end.
pub fn by_hand(state: &State, facts: &Facts, end: End) -> Result<Vec<Input>, Missing> {
    match &state.step {
        None => settled(state.status, end),
        Some(Step::ReservingStock) => reserving(facts, end).map(|input| vec![input]),
        Some(Step::TakingPayment) => paying(facts, end).map(|input| vec![input]),
        Some(step @ Step::CancellingPayment { reason }) => undoing(step, reason, end, voided(facts)),
        Some(step @ Step::ReleasingStock { reason }) => undoing(step, reason, end, released(facts)?),
        Some(step @ Step::RefundingPayment { reason }) => undoing(step, reason, end, refunded(facts)),
        Some(step @ Step::ReturningStock { reason }) => undoing(step, reason, end, returned(facts)),
    }
}

fn settled(status: OrderStatus, end: End) -> Result<Vec<Input>, Missing> {
    match (status, end) {
        (OrderStatus::Confirmed, End::Confirmed)
        | (OrderStatus::Failed, End::Failed)
        | (OrderStatus::Cancelled, End::Cancelled) => Ok(Vec::new()),
        (OrderStatus::Pending, End::Confirmed) => Ok(vec![Input::Submitted]),
        (OrderStatus::Pending | OrderStatus::Confirmed, End::Cancelled) => Ok(vec![Input::CancelRequested]),
        (OrderStatus::Pending, End::Failed) => missing(
            "nothing was asked of anybody yet, so nothing has failed; it can be cancelled, or confirmed".to_owned(),
        ),
        (OrderStatus::Processing, _) => {
            missing("it is processing and waits for nothing: its data are at fault".to_owned())
        }
        (
            OrderStatus::Confirmed
            | OrderStatus::Shipped
            | OrderStatus::Delivered
            | OrderStatus::Failed
            | OrderStatus::Cancelled,
            End::Confirmed | End::Failed | End::Cancelled,
        ) => missing(format!("it is {status} already")),
    }
}

fn reserving(facts: &Facts, end: End) -> Result<Input, Missing> {
    use ReservationStatus::{Committed, Rejected, Released, Reserved, Returned};
    match (end, facts.reservation) {
        (End::Confirmed, Some(Reserved)) => Ok(Input::StockReserved),
        (End::Confirmed, None | Some(Committed | Rejected | Released | Returned)) => {
            missing(format!("its stock is not reserved (reservation: {})", facts.reservation_word()))
        }
        (End::Failed, Some(Rejected)) => Ok(Input::StockRejected { shortages: facts.shortages.clone() }),
        (End::Failed, None | Some(Reserved | Committed | Released | Returned)) => given_up(&Step::ReservingStock),
        (End::Cancelled, _) => Ok(Input::CancelRequested),
    }
}

fn paying(facts: &Facts, end: End) -> Result<Input, Missing> {
    use PaymentStatus::{Cancelled, Declined, Pending, Refunded, Taken};
    match (end, facts.payment) {
        (End::Confirmed, Some(Taken)) if facts.reservation == Some(ReservationStatus::Reserved) => {
            Ok(Input::PaymentTaken)
        }
        (End::Confirmed, Some(Taken)) => {
            missing(format!("it is paid, but its stock is not reserved (reservation: {})", facts.reservation_word()))
        }
        (End::Confirmed, None | Some(Pending | Declined | Cancelled | Refunded)) => {
            missing(format!("its money is not taken (payment: {})", facts.payment_word()))
        }
        (End::Failed, Some(Declined)) => {
            Ok(Input::PaymentDeclined { code: facts.decline_code.clone().unwrap_or_else(|| "declined".to_owned()) })
        }
        (End::Failed, None | Some(Pending | Taken | Cancelled | Refunded)) => given_up(&Step::TakingPayment),
        (End::Cancelled, _) => Ok(Input::CancelRequested),
    }
}

/// Its way back goes on: with the answer that is on record, else by asking again. It ends as what it was given up for, unless that is to be
/// a cancellation now.
fn undoing(step: &Step, reason: &FailureReason, end: End, answer: Option<Input>) -> Result<Vec<Input>, Missing> {
    let next = match answer {
        Some(answer) => answer,
        None => given_up(step)?,
    };
    match (end, reason) {
        (End::Confirmed, _) => missing(format!("it is being undone ({}: {reason})", step.as_str())),
        (End::Failed, FailureReason::Cancelled) => missing("it is being cancelled, and ends as cancelled".to_owned()),
        (End::Cancelled, FailureReason::Cancelled) => Ok(vec![next]),
        (
            End::Cancelled,
            FailureReason::OutOfStock { .. }
            | FailureReason::PaymentDeclined { .. }
            | FailureReason::InventoryTimeout
            | FailureReason::PaymentTimeout,
        ) => Ok(vec![Input::CancelRequested, next]),
        (
            End::Failed,
            FailureReason::OutOfStock { .. }
            | FailureReason::PaymentDeclined { .. }
            | FailureReason::InventoryTimeout
            | FailureReason::PaymentTimeout,
        ) => Ok(vec![next]),
    }
}

fn voided(facts: &Facts) -> Option<Input> {
    use PaymentStatus::{Cancelled, Declined, Pending, Refunded, Taken};
    match facts.payment {
        Some(Cancelled | Declined) => Some(Input::PaymentCancelled { refunded: false }),
        Some(Refunded) => Some(Input::PaymentCancelled { refunded: true }),
        None | Some(Pending | Taken) => None,
    }
}

fn released(facts: &Facts) -> Result<Option<Input>, Missing> {
    use ReservationStatus::{Committed, Rejected, Released, Reserved, Returned};
    match facts.reservation {
        Some(Released | Rejected) => Ok(Some(Input::StockReleased)),
        None | Some(Reserved) => Ok(None),
        Some(Committed | Returned) => {
            missing(format!("its stock is {}, which nobody can release", facts.reservation_word()))
        }
    }
}

/// Only money that is known to be back counts: the order had been paid.
fn refunded(facts: &Facts) -> Option<Input> {
    use PaymentStatus::{Cancelled, Declined, Pending, Refunded, Taken};
    match facts.payment {
        Some(Refunded) => Some(Input::PaymentCancelled { refunded: true }),
        None | Some(Pending | Taken | Cancelled | Declined) => None,
    }
}

fn returned(facts: &Facts) -> Option<Input> {
    use ReservationStatus::{Committed, Rejected, Released, Reserved, Returned};
    match facts.reservation {
        Some(Returned) => Some(Input::StockReturned),
        None | Some(Reserved | Committed | Released | Rejected) => None,
    }
}

fn given_up(step: &Step) -> Result<Input, Missing> {
    Ok(Input::DeadlinePassed { step: step.as_str().to_owned() })
}

fn missing<T>(what: String) -> Result<T, Missing> {
    Err(Missing(what))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::saga::{Decision, Effect, decide};

    fn states() -> Vec<State> {
        let reasons = [FailureReason::Cancelled, FailureReason::PaymentTimeout];
        let forward = [Step::ReservingStock, Step::TakingPayment];
        let back = reasons.into_iter().flat_map(|reason| {
            [
                Step::CancellingPayment { reason: reason.clone() },
                Step::ReleasingStock { reason: reason.clone() },
                Step::RefundingPayment { reason: reason.clone() },
                Step::ReturningStock { reason },
            ]
        });
        let waiting = forward.into_iter().chain(back).map(State::waiting);
        let settled = OrderStatus::ALL.into_iter().filter(|status| *status != OrderStatus::Processing);
        waiting.chain(settled.map(State::settled)).collect()
    }

    fn facts() -> impl Strategy<Value = Facts> {
        let reservation = prop::option::of(prop::sample::select(ReservationStatus::ALL.to_vec()));
        let payment = prop::option::of(prop::sample::select(PaymentStatus::ALL.to_vec()));
        (reservation, payment).prop_map(|(reservation, payment)| Facts { reservation, payment, ..Facts::default() })
    }

    proptest! {
        /// No step of it is refused or without effect, so what an operator is told is what happens.
        #[test]
        fn the_saga_takes_every_input_that_is_given_by_hand(
            state in prop::sample::select(states()), facts in facts(), end in prop::sample::select(End::ALL.to_vec()),
        ) {
            let Ok(inputs) = by_hand(&state, &facts, end) else { return Ok(()) };
            prop_assert!(!inputs.is_empty() || state.status == end.status());
            let mut now = state.clone();
            let mut effects = Vec::new();
            for input in &inputs {
                match decide(&now, input) {
                    Decision::Proceed { next, effects: more, .. } => {
                        effects.extend(more);
                        now = next;
                    }
                    other => prop_assert!(false, "{state:?} {input:?}: {other:?}"),
                }
            }
            // nothing is sold without goods on hand and money in hand, and a settled order is as it was asked for
            if effects.contains(&Effect::CommitStock) {
                prop_assert_eq!(facts.payment, Some(PaymentStatus::Taken));
                prop_assert_eq!(facts.reservation, Some(ReservationStatus::Reserved));
            }
            if now.status.is_settled() {
                prop_assert_eq!(now.status, end.status());
            }
            // what ends without success has given back what it held
            if now.status.is_settled() && state.status == OrderStatus::Processing && end != End::Confirmed {
                prop_assert!(!matches!(facts.reservation, Some(ReservationStatus::Reserved | ReservationStatus::Committed)));
            }
        }
    }

    #[test]
    fn a_lost_answer_is_given_again_and_one_that_never_came_is_given_up() {
        let paying = State::waiting(Step::TakingPayment);
        let facts = |payment| Facts { reservation: Some(ReservationStatus::Reserved), payment, ..Facts::default() };
        let taken = facts(Some(PaymentStatus::Taken));
        assert_eq!(by_hand(&paying, &taken, End::Confirmed), Ok(vec![Input::PaymentTaken]));
        let unknown = by_hand(&paying, &facts(None), End::Confirmed).expect_err("not paid");
        assert_eq!(unknown.to_string(), "its money is not taken (payment: none)");
        let given_up = Input::DeadlinePassed { step: "taking_payment".to_owned() };
        assert_eq!(by_hand(&paying, &facts(None), End::Failed), Ok(vec![given_up]));
        assert!(by_hand(&State::settled(OrderStatus::Shipped), &taken, End::Cancelled).is_err());
    }
}
