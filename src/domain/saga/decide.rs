//! The decision table of the saga. Every state meets every input; the compiler checks that none is forgotten. The way back is in
//! [`super::undo`].

use super::undo::{
    after_cancellation, after_failure, while_cancelling_payment, while_refunding, while_releasing, while_returning,
};
use super::{Decision, Effect, FailureReason, Input, State, Step};
use crate::domain::OrderStatus;
use crate::domain::notification::Kind;

/// Decides what `input` means for an order in `state`. Pure: the caller commits the state and sends the effects.
pub fn decide(state: &State, input: &Input) -> Decision {
    match &state.step {
        None => match state.status {
            OrderStatus::Pending => at_start(input),
            OrderStatus::Processing => in_no_step(input),
            OrderStatus::Confirmed => when_confirmed(state, input),
            OrderStatus::Shipped => when_shipped(state, input),
            OrderStatus::Delivered => when_delivered(state, input),
            OrderStatus::Failed => after_failure(input),
            OrderStatus::Cancelled => after_cancellation(input),
        },
        Some(Step::ReservingStock) => while_reserving(input),
        Some(Step::TakingPayment) => while_paying(input),
        Some(Step::CancellingPayment { reason }) => while_cancelling_payment(reason, input),
        Some(Step::ReleasingStock { reason }) => while_releasing(reason, input),
        Some(Step::RefundingPayment { reason }) => while_refunding(reason, input),
        Some(Step::ReturningStock { reason }) => while_returning(reason, input),
    }
}

/// The statuses that somebody may ask for in this state, in the order of an order's life.
pub fn allowed(state: &State) -> Vec<OrderStatus> {
    [
        (OrderStatus::Shipped, Input::ShipmentReported { repeated: false }),
        (OrderStatus::Delivered, Input::DeliveryReported),
        (OrderStatus::Cancelled, Input::CancelRequested),
    ]
    .into_iter()
    .filter(|(_, request)| matches!(decide(state, request), Decision::Proceed { .. }))
    .map(|(status, _)| status)
    .collect()
}

fn at_start(input: &Input) -> Decision {
    match input {
        Input::Submitted => go(Step::ReservingStock, vec![Effect::Announce("order.created"), Effect::ReserveStock]),
        // Nothing was asked of anybody yet. The world hears of the order all the same, as of any other.
        Input::CancelRequested => Decision::Proceed {
            next: State::settled(OrderStatus::Cancelled),
            reason: Some(FailureReason::Cancelled),
            effects: vec![
                Effect::Announce("order.created"),
                Effect::Announce("order.cancelled"),
                Effect::Notify(Kind::OrderCancelled),
            ],
        },
        Input::ShipmentReported { .. } | Input::DeliveryReported | Input::RefundRequested => Decision::Refuse,
        Input::StockReserved
        | Input::StockCommitted
        | Input::StockRejected { .. }
        | Input::StockReleased
        | Input::StockReturned
        | Input::PaymentTaken
        | Input::PaymentDeclined { .. }
        | Input::PaymentCancelled { .. }
        | Input::DeadlinePassed { .. } => Decision::Ignore,
    }
}

/// Processing without a step is a fault of the data: whoever finds it must not make it worse.
fn in_no_step(input: &Input) -> Decision {
    match input {
        Input::CancelRequested | Input::ShipmentReported { .. } | Input::DeliveryReported | Input::RefundRequested => {
            Decision::Refuse
        }
        Input::Submitted
        | Input::StockReserved
        | Input::StockCommitted
        | Input::StockRejected { .. }
        | Input::StockReleased
        | Input::StockReturned
        | Input::PaymentTaken
        | Input::PaymentDeclined { .. }
        | Input::PaymentCancelled { .. }
        | Input::DeadlinePassed { .. } => Decision::Ignore,
    }
}

fn while_reserving(input: &Input) -> Decision {
    match input {
        Input::StockReserved => go(Step::TakingPayment, vec![Effect::TakePayment]),
        Input::StockRejected { shortages } => end(FailureReason::OutOfStock { shortages: shortages.clone() }),
        Input::DeadlinePassed { step } if *step == Step::ReservingStock.as_str() => {
            undo_stock(FailureReason::InventoryTimeout)
        }
        Input::CancelRequested => undo_stock(FailureReason::Cancelled),
        Input::ShipmentReported { .. } | Input::DeliveryReported | Input::RefundRequested => Decision::Refuse,
        Input::Submitted
        | Input::StockCommitted
        | Input::StockReleased
        | Input::StockReturned
        | Input::PaymentTaken
        | Input::PaymentDeclined { .. }
        | Input::PaymentCancelled { .. }
        | Input::DeadlinePassed { .. } => Decision::Ignore,
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
        Input::CancelRequested => {
            go(Step::CancellingPayment { reason: FailureReason::Cancelled }, vec![Effect::CancelPayment])
        }
        Input::ShipmentReported { .. } | Input::DeliveryReported | Input::RefundRequested => Decision::Refuse,
        Input::Submitted
        | Input::StockCommitted
        | Input::StockReserved
        | Input::StockRejected { .. }
        | Input::StockReleased
        | Input::StockReturned
        | Input::PaymentCancelled { .. }
        | Input::DeadlinePassed { .. } => Decision::Ignore,
    }
}

fn when_confirmed(state: &State, input: &Input) -> Decision {
    match input {
        Input::RefundRequested => stay(state, vec![Effect::RefundPayment]),
        Input::PaymentCancelled { refunded: true } => given_back(state),
        Input::CancelRequested => {
            go(Step::RefundingPayment { reason: FailureReason::Cancelled }, vec![Effect::CancelPayment])
        }
        Input::ShipmentReported { .. } => on_its_way(OrderStatus::Shipped, "order.shipped", Kind::OrderShipped),
        Input::DeliveryReported => Decision::Refuse,
        Input::Submitted
        | Input::StockReserved
        | Input::StockCommitted
        | Input::StockRejected { .. }
        | Input::StockReleased
        | Input::StockReturned
        | Input::PaymentTaken
        | Input::PaymentDeclined { .. }
        | Input::PaymentCancelled { refunded: false }
        | Input::DeadlinePassed { .. } => Decision::Ignore,
    }
}

fn when_shipped(state: &State, input: &Input) -> Decision {
    match input {
        Input::RefundRequested => stay(state, vec![Effect::RefundPayment]),
        Input::PaymentCancelled { refunded: true } => given_back(state),
        Input::DeliveryReported => on_its_way(OrderStatus::Delivered, "order.delivered", Kind::OrderDelivered),
        Input::CancelRequested | Input::ShipmentReported { repeated: false } => Decision::Refuse,
        Input::ShipmentReported { repeated: true }
        | Input::Submitted
        | Input::StockReserved
        | Input::StockCommitted
        | Input::StockRejected { .. }
        | Input::StockReleased
        | Input::StockReturned
        | Input::PaymentTaken
        | Input::PaymentDeclined { .. }
        | Input::PaymentCancelled { refunded: false }
        | Input::DeadlinePassed { .. } => Decision::Ignore,
    }
}

fn when_delivered(state: &State, input: &Input) -> Decision {
    match input {
        Input::RefundRequested => stay(state, vec![Effect::RefundPayment]),
        Input::PaymentCancelled { refunded: true } => given_back(state),
        Input::CancelRequested | Input::ShipmentReported { repeated: false } => Decision::Refuse,
        Input::DeliveryReported
        | Input::ShipmentReported { repeated: true }
        | Input::Submitted
        | Input::StockReserved
        | Input::StockCommitted
        | Input::StockRejected { .. }
        | Input::StockReleased
        | Input::StockReturned
        | Input::PaymentTaken
        | Input::PaymentDeclined { .. }
        | Input::PaymentCancelled { refunded: false }
        | Input::DeadlinePassed { .. } => Decision::Ignore,
    }
}

pub(super) fn go(step: Step, effects: Vec<Effect>) -> Decision {
    Decision::Proceed { reason: step.reason().cloned(), next: State::waiting(step), effects }
}

pub(super) fn undo_stock(reason: FailureReason) -> Decision {
    go(Step::ReleasingStock { reason }, vec![Effect::ReleaseStock])
}

fn on_its_way(status: OrderStatus, event: &'static str, kind: Kind) -> Decision {
    let effects = vec![Effect::Announce(event), Effect::Notify(kind)];
    Decision::Proceed { next: State::settled(status), reason: None, effects }
}

/// The order stays what it is.
fn stay(state: &State, effects: Vec<Effect>) -> Decision {
    Decision::Proceed { next: state.clone(), reason: None, effects }
}

/// The customer has the money of a paid order again; what was ordered stays ordered.
fn given_back(state: &State) -> Decision {
    stay(state, refund_told())
}

/// What the world hears when the money of an order that was paid has been given back.
pub(super) fn refund_told() -> Vec<Effect> {
    vec![Effect::Announce("order.refunded"), Effect::Notify(Kind::OrderRefunded)]
}

/// Everything is undone.
pub(super) fn end(reason: FailureReason) -> Decision {
    let (status, event, kind) = match reason {
        FailureReason::Cancelled => (OrderStatus::Cancelled, "order.cancelled", Kind::OrderCancelled),
        FailureReason::OutOfStock { .. }
        | FailureReason::PaymentDeclined { .. }
        | FailureReason::InventoryTimeout
        | FailureReason::PaymentTimeout => (OrderStatus::Failed, "order.failed", Kind::OrderFailed),
    };
    let effects = vec![Effect::Announce(event), Effect::Notify(kind)];
    Decision::Proceed { next: State::settled(status), reason: Some(reason), effects }
}
