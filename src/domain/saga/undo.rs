//! The half of the decision table in which an order is undone, and what comes after its end. Called by [`super::decide`].

use super::decide::{end, go, refund_told, undo_stock};
use super::{Decision, Effect, FailureReason, Input, Step};
use crate::domain::notification::Kind;

pub(super) fn while_cancelling_payment(reason: &FailureReason, input: &Input) -> Decision {
    match input {
        Input::PaymentCancelled { refunded } => {
            let mut effects = vec![Effect::ReleaseStock];
            effects.extend(refunded.then_some(Effect::Notify(Kind::OrderRefunded)));
            go(Step::ReleasingStock { reason: reason.clone() }, effects)
        }
        // The command is sent again under the same id: the payment-service answers a repetition with its first answer.
        Input::DeadlinePassed { step } if step == "cancelling_payment" => {
            go(Step::CancellingPayment { reason: reason.clone() }, vec![Effect::CancelPayment])
        }
        // All is being undone already; it ends as what was asked for.
        Input::CancelRequested => wanted(reason, |reason| Step::CancellingPayment { reason }),
        Input::ShipmentReported { .. } | Input::DeliveryReported | Input::RefundRequested => Decision::Refuse,
        // A late "taken" or "declined" changes nothing: the cancellation is on its way and its answer settles both.
        Input::Submitted
        | Input::StockCommitted
        | Input::StockReserved
        | Input::StockRejected { .. }
        | Input::StockReleased
        | Input::StockReturned
        | Input::PaymentTaken
        | Input::PaymentDeclined { .. }
        | Input::DeadlinePassed { .. } => Decision::Ignore,
    }
}

pub(super) fn while_releasing(reason: &FailureReason, input: &Input) -> Decision {
    match input {
        Input::StockReleased => end(reason.clone()),
        Input::DeadlinePassed { step } if step == "releasing_stock" => undo_stock(reason.clone()),
        Input::PaymentTaken => Decision::Repair { effects: vec![Effect::CancelPayment] },
        Input::PaymentCancelled { refunded: true } => {
            Decision::Repair { effects: vec![Effect::Notify(Kind::OrderRefunded)] }
        }
        Input::CancelRequested => wanted(reason, |reason| Step::ReleasingStock { reason }),
        Input::ShipmentReported { .. } | Input::DeliveryReported | Input::RefundRequested => Decision::Refuse,
        // A reservation that arrives now was made before the release was handled; the release undoes it.
        Input::Submitted
        | Input::StockCommitted
        | Input::StockReserved
        | Input::StockRejected { .. }
        | Input::StockReturned
        | Input::PaymentDeclined { .. }
        | Input::PaymentCancelled { refunded: false }
        | Input::DeadlinePassed { .. } => Decision::Ignore,
    }
}

pub(super) fn while_refunding(reason: &FailureReason, input: &Input) -> Decision {
    match input {
        Input::PaymentCancelled { refunded } => {
            let mut effects = vec![Effect::ReturnStock];
            if *refunded {
                effects.extend(refund_told());
            }
            go(Step::ReturningStock { reason: reason.clone() }, effects)
        }
        Input::DeadlinePassed { step } if step == "refunding_payment" => {
            go(Step::RefundingPayment { reason: reason.clone() }, vec![Effect::CancelPayment])
        }
        Input::CancelRequested => wanted(reason, |reason| Step::RefundingPayment { reason }),
        Input::ShipmentReported { .. } | Input::DeliveryReported | Input::RefundRequested => Decision::Refuse,
        Input::Submitted
        | Input::StockCommitted
        | Input::StockReserved
        | Input::StockRejected { .. }
        | Input::StockReleased
        | Input::StockReturned
        | Input::PaymentTaken
        | Input::PaymentDeclined { .. }
        | Input::DeadlinePassed { .. } => Decision::Ignore,
    }
}

pub(super) fn while_returning(reason: &FailureReason, input: &Input) -> Decision {
    match input {
        Input::StockReturned => end(reason.clone()),
        Input::DeadlinePassed { step } if step == "returning_stock" => {
            go(Step::ReturningStock { reason: reason.clone() }, vec![Effect::ReturnStock])
        }
        Input::PaymentCancelled { refunded: true } => {
            Decision::Repair { effects: vec![Effect::Notify(Kind::OrderRefunded)] }
        }
        Input::CancelRequested => wanted(reason, |reason| Step::ReturningStock { reason }),
        Input::ShipmentReported { .. } | Input::DeliveryReported | Input::RefundRequested => Decision::Refuse,
        Input::Submitted
        | Input::StockCommitted
        | Input::StockReserved
        | Input::StockRejected { .. }
        | Input::StockReleased
        | Input::PaymentTaken
        | Input::PaymentDeclined { .. }
        | Input::PaymentCancelled { refunded: false }
        | Input::DeadlinePassed { .. } => Decision::Ignore,
    }
}

pub(super) fn after_failure(input: &Input) -> Decision {
    match input {
        Input::CancelRequested => Decision::Refuse,
        other => after_the_end(other),
    }
}

/// Cancelled once is cancelled: asking again is harmless.
pub(super) fn after_cancellation(input: &Input) -> Decision {
    match input {
        Input::CancelRequested => Decision::Ignore,
        other => after_the_end(other),
    }
}

/// An answer that comes after the end must not leave stock or money behind.
fn after_the_end(input: &Input) -> Decision {
    match input {
        Input::StockReserved => Decision::Repair { effects: vec![Effect::ReleaseStock] },
        Input::PaymentTaken => Decision::Repair { effects: vec![Effect::CancelPayment] },
        Input::PaymentCancelled { refunded: true } => {
            Decision::Repair { effects: vec![Effect::Notify(Kind::OrderRefunded)] }
        }
        Input::CancelRequested | Input::ShipmentReported { .. } | Input::DeliveryReported | Input::RefundRequested => {
            Decision::Refuse
        }
        Input::Submitted
        | Input::StockCommitted
        | Input::StockRejected { .. }
        | Input::StockReleased
        | Input::StockReturned
        | Input::PaymentDeclined { .. }
        | Input::PaymentCancelled { refunded: false }
        | Input::DeadlinePassed { .. } => Decision::Ignore,
    }
}

/// The step as it is, under the reason that was asked for; nothing to do when it is so already.
fn wanted(reason: &FailureReason, step: impl Fn(FailureReason) -> Step) -> Decision {
    match reason {
        FailureReason::Cancelled => Decision::Ignore,
        FailureReason::OutOfStock { .. }
        | FailureReason::PaymentDeclined { .. }
        | FailureReason::InventoryTimeout
        | FailureReason::PaymentTimeout => go(step(FailureReason::Cancelled), Vec::new()),
    }
}
