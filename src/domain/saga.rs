//! The saga of one order: one exhaustive function decides what every input means in every state.
//!
//! Called through `lifecycle` by the order-processor for each message and each passed deadline, and by the API for each request of
//! a person. Declined and out of stock are outcomes here, never errors; what is undone, is undone by commands that wait for their
//! answer like any other step. What an operator may do about an order that stands still is in `by_hand`.

mod by_hand;
mod decide;
mod reason;
mod undo;

pub use by_hand::{End, Facts, Missing, by_hand};
pub use decide::{allowed, decide};
pub use reason::FailureReason;

use serde::{Deserialize, Serialize};

use super::OrderStatus;
use super::notification::Kind;

/// What a running saga waits for. Kept beside the status, with the time of the deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    ReservingStock,
    TakingPayment,
    CancellingPayment {
        reason: FailureReason,
    },
    ReleasingStock {
        reason: FailureReason,
    },
    /// The order had been confirmed: the money goes back first, then the goods.
    RefundingPayment {
        reason: FailureReason,
    },
    ReturningStock {
        reason: FailureReason,
    },
}

impl Step {
    /// The name in the database, in logs and in the order's timeline.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::ReservingStock => "reserving_stock",
            Self::TakingPayment => "taking_payment",
            Self::CancellingPayment { .. } => "cancelling_payment",
            Self::ReleasingStock { .. } => "releasing_stock",
            Self::RefundingPayment { .. } => "refunding_payment",
            Self::ReturningStock { .. } => "returning_stock",
        }
    }

    /// Why the saga is undoing its work; `None` on the way forward.
    pub fn reason(&self) -> Option<&FailureReason> {
        match self {
            Self::ReservingStock | Self::TakingPayment => None,
            Self::CancellingPayment { reason }
            | Self::ReleasingStock { reason }
            | Self::RefundingPayment { reason }
            | Self::ReturningStock { reason } => Some(reason),
        }
    }
}

/// Where an order stands: its public status and, while the saga runs, the step it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub status: OrderStatus,
    pub step: Option<Step>,
}

impl State {
    /// An order that was accepted and not yet looked at.
    pub const NEW: Self = Self { status: OrderStatus::Pending, step: None };

    fn settled(status: OrderStatus) -> Self {
        Self { status, step: None }
    }

    fn waiting(step: Step) -> Self {
        Self { status: OrderStatus::Processing, step: Some(step) }
    }
}

/// What can happen to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Submitted,
    StockReserved,
    StockRejected {
        shortages: Vec<String>,
    },
    StockReleased,
    StockReturned,
    /// Only told to whoever asks for an answer; the saga does not.
    StockCommitted,
    PaymentTaken,
    PaymentDeclined {
        code: String,
    },
    /// The payment is void: `refunded` says whether money had been taken before.
    PaymentCancelled {
        refunded: bool,
    },
    /// The step has not been answered in time.
    DeadlinePassed {
        step: String,
    },
    /// Somebody does not want the order any more.
    CancelRequested,
    /// The warehouse has handed the order to a carrier; `repeated` when this parcel is known already.
    ShipmentReported {
        repeated: bool,
    },
    /// The customer has the order.
    DeliveryReported,
    /// An operator gives the customer's money back; the order stays what it is.
    RefundRequested,
}

impl Input {
    /// The name in the order's timeline.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::StockReserved => "stock_reserved",
            Self::StockRejected { .. } => "stock_rejected",
            Self::StockReleased => "stock_released",
            Self::StockCommitted => "stock_committed",
            Self::PaymentTaken => "payment_taken",
            Self::PaymentDeclined { .. } => "payment_declined",
            Self::PaymentCancelled { refunded: false } => "payment_cancelled",
            Self::PaymentCancelled { refunded: true } => "payment_refunded",
            Self::StockReturned => "stock_returned",
            Self::DeadlinePassed { .. } => "deadline_passed",
            Self::CancelRequested => "cancel_requested",
            Self::ShipmentReported { .. } => "shipped",
            Self::DeliveryReported => "delivered",
            Self::RefundRequested => "refund_requested",
        }
    }
}

/// What the saga asks of the rest of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    ReserveStock,
    ReleaseStock,
    CommitStock,
    /// Sold goods go back on the shelf.
    ReturnStock,
    TakePayment,
    CancelPayment,
    /// As `CancelPayment`, of an order that stays what it is.
    RefundPayment,
    /// The order's JSON on `events` with this routing key.
    Announce(&'static str),
    /// A notification on `notifications`.
    Notify(Kind),
}

/// The answer of [`decide`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The order moves on; the effects belong to the same commit.
    Proceed { next: State, reason: Option<FailureReason>, effects: Vec<Effect> },
    /// The state stays; the effects repair what a late answer left behind.
    Repair { effects: Vec<Effect> },
    /// A repetition or an answer that no longer matters; nothing to do.
    Ignore,
    /// A request that the state does not allow; nothing happens. Messages are never refused.
    Refuse,
}

#[cfg(test)]
mod tests;
