//! The decision table of the saga. Every state meets every input; the compiler checks that none is forgotten.

use super::{Decision, Effect, FailureReason, Input, State, Step};
use crate::domain::OrderStatus;
use crate::domain::notification::Kind;

/// Decides what `input` means for an order in `state`. Pure: the caller commits the state and sends the effects.
pub fn decide(state: &State, input: &Input) -> Decision {
    match &state.step {
        None => match state.status {
            OrderStatus::Pending => at_start(input),
            OrderStatus::Processing => Decision::Ignore,
            OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered => once_paid(state, input),
            OrderStatus::Failed | OrderStatus::Cancelled => after_failure(input),
        },
        Some(Step::ReservingStock) => while_reserving(input),
        Some(Step::TakingPayment) => while_paying(input),
        Some(Step::CancellingPayment { reason }) => while_cancelling_payment(reason, input),
        Some(Step::ReleasingStock { reason }) => while_releasing(reason, input),
    }
}

fn at_start(input: &Input) -> Decision {
    match input {
        Input::Submitted => go(Step::ReservingStock, vec![Effect::Announce("order.created"), Effect::ReserveStock]),
        Input::StockReserved
        | Input::StockCommitted
        | Input::StockRejected { .. }
        | Input::StockReleased
        | Input::PaymentTaken
        | Input::PaymentDeclined { .. }
        | Input::PaymentCancelled { .. }
        | Input::DeadlinePassed { .. }
        | Input::RefundRequested => Decision::Ignore,
    }
}

fn while_reserving(input: &Input) -> Decision {
    match input {
        Input::StockReserved => go(Step::TakingPayment, vec![Effect::TakePayment]),
        Input::StockRejected { shortages } => fail(FailureReason::OutOfStock { shortages: shortages.clone() }),
        Input::DeadlinePassed { step } if *step == Step::ReservingStock.as_str() => {
            undo_stock(FailureReason::InventoryTimeout)
        }
        Input::Submitted
        | Input::StockCommitted
        | Input::StockReleased
        | Input::PaymentTaken
        | Input::PaymentDeclined { .. }
        | Input::PaymentCancelled { .. }
        | Input::DeadlinePassed { .. }
        | Input::RefundRequested => Decision::Ignore,
    }
}

fn while_paying(input: &Input) -> Decision {
    match input {
        Input::PaymentTaken => Decision::Proceed {
            next: State::settled(OrderStatus::Confirmed),
            reason: None,
            effects: vec![
                Effect::CommitStock,
                Effect::Announce("order.confirmed"),
                Effect::Notify(Kind::OrderConfirmation),
            ],
        },
        Input::PaymentDeclined { code } => undo_stock(FailureReason::PaymentDeclined { decline_code: code.clone() }),
        Input::DeadlinePassed { step } if *step == Step::TakingPayment.as_str() => {
            go(Step::CancellingPayment { reason: FailureReason::PaymentTimeout }, vec![Effect::CancelPayment])
        }
        Input::Submitted
        | Input::StockCommitted
        | Input::StockReserved
        | Input::StockRejected { .. }
        | Input::StockReleased
        | Input::PaymentCancelled { .. }
        | Input::DeadlinePassed { .. }
        | Input::RefundRequested => Decision::Ignore,
    }
}

fn while_cancelling_payment(reason: &FailureReason, input: &Input) -> Decision {
    match input {
        Input::PaymentCancelled { refunded } => {
            let mut effects = vec![Effect::ReleaseStock];
            if *refunded {
                effects.push(Effect::Notify(Kind::OrderRefunded));
            }
            go(Step::ReleasingStock { reason: reason.clone() }, effects)
        }
        // The command is sent again under the same id: the payment-service answers a repetition with its first answer.
        Input::DeadlinePassed { step } if step == "cancelling_payment" => {
            go(Step::CancellingPayment { reason: reason.clone() }, vec![Effect::CancelPayment])
        }
        // A late "taken" or "declined" changes nothing: the cancellation is on its way and its answer settles both.
        Input::Submitted
        | Input::StockCommitted
        | Input::StockReserved
        | Input::StockRejected { .. }
        | Input::StockReleased
        | Input::PaymentTaken
        | Input::PaymentDeclined { .. }
        | Input::DeadlinePassed { .. }
        | Input::RefundRequested => Decision::Ignore,
    }
}

fn while_releasing(reason: &FailureReason, input: &Input) -> Decision {
    match input {
        Input::StockReleased => fail(reason.clone()),
        Input::DeadlinePassed { step } if step == "releasing_stock" => undo_stock(reason.clone()),
        Input::PaymentTaken => Decision::Repair { effects: vec![Effect::CancelPayment] },
        Input::PaymentCancelled { refunded: true } => {
            Decision::Repair { effects: vec![Effect::Notify(Kind::OrderRefunded)] }
        }
        // A reservation that arrives now was made before the release was handled; the release undoes it.
        Input::Submitted
        | Input::StockCommitted
        | Input::StockReserved
        | Input::StockRejected { .. }
        | Input::PaymentDeclined { .. }
        | Input::PaymentCancelled { refunded: false }
        | Input::DeadlinePassed { .. }
        | Input::RefundRequested => Decision::Ignore,
    }
}

/// The money may be given back; what was ordered stays ordered.
fn once_paid(state: &State, input: &Input) -> Decision {
    let stay = |effects| Decision::Proceed { next: state.clone(), reason: None, effects };
    match input {
        Input::RefundRequested => stay(vec![Effect::RefundPayment]),
        Input::PaymentCancelled { refunded: true } => {
            stay(vec![Effect::Announce("order.refunded"), Effect::Notify(Kind::OrderRefunded)])
        }
        Input::Submitted
        | Input::StockReserved
        | Input::StockCommitted
        | Input::StockRejected { .. }
        | Input::StockReleased
        | Input::PaymentTaken
        | Input::PaymentDeclined { .. }
        | Input::PaymentCancelled { refunded: false }
        | Input::DeadlinePassed { .. } => Decision::Ignore,
    }
}

/// An answer that comes after the end must not leave stock or money behind.
fn after_failure(input: &Input) -> Decision {
    match input {
        Input::StockReserved => Decision::Repair { effects: vec![Effect::ReleaseStock] },
        Input::PaymentTaken => Decision::Repair { effects: vec![Effect::CancelPayment] },
        Input::PaymentCancelled { refunded: true } => {
            Decision::Repair { effects: vec![Effect::Notify(Kind::OrderRefunded)] }
        }
        Input::Submitted
        | Input::StockCommitted
        | Input::StockRejected { .. }
        | Input::StockReleased
        | Input::PaymentDeclined { .. }
        | Input::PaymentCancelled { refunded: false }
        | Input::DeadlinePassed { .. }
        | Input::RefundRequested => Decision::Ignore,
    }
}

fn go(step: Step, effects: Vec<Effect>) -> Decision {
    Decision::Proceed { reason: step.reason().cloned(), next: State::waiting(step), effects }
}

fn undo_stock(reason: FailureReason) -> Decision {
    go(Step::ReleasingStock { reason }, vec![Effect::ReleaseStock])
}

fn fail(reason: FailureReason) -> Decision {
    Decision::Proceed {
        next: State::settled(OrderStatus::Failed),
        reason: Some(reason),
        effects: vec![Effect::Announce("order.failed"), Effect::Notify(Kind::OrderFailed)],
    }
}
