//! One broken law with the ids that find it, and where a message may still wait that mends it.

use serde::Serialize;

use super::rules::{channel_named, queue_of};
use crate::store::audit::{
    AppliedTwice, DeliveryCount, EventCount, FigureDiffers, ForeignId, IllegalChange, ImpossibleState, LedgerDiffers,
    LinesDiffer, OutboxRow, Oversold, ShelfDiffers, Stranded, Vanished, WrongAmount, WrongEnd, WrongPayment,
    WrongReservation,
};
use crate::topology::WorkQueue;

/// A queue that is not as it should be.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum QueueFault {
    #[error("the queue {queue} does not exist: run setup")]
    Missing { queue: String },
    #[error("{messages} messages wait in {queue}, and no order explains them")]
    Unexplained { queue: String, messages: u32 },
    #[error("{messages} messages wait in {queue}: is the dead-letter-handler running?")]
    NotTakenIn { queue: String, messages: u32 },
}

#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[serde(untagged)]
pub enum Violation {
    #[error(transparent)]
    Vanished(#[from] Vanished),
    #[error(transparent)]
    ImpossibleState(#[from] ImpossibleState),
    #[error(transparent)]
    Stranded(#[from] Stranded),
    #[error(transparent)]
    IllegalChange(#[from] IllegalChange),
    #[error(transparent)]
    WrongEnd(#[from] WrongEnd),
    #[error(transparent)]
    AppliedTwice(#[from] AppliedTwice),
    #[error(transparent)]
    ShelfDiffers(#[from] ShelfDiffers),
    #[error(transparent)]
    Oversold(#[from] Oversold),
    #[error(transparent)]
    LedgerDiffers(#[from] LedgerDiffers),
    #[error(transparent)]
    LinesDiffer(#[from] LinesDiffer),
    #[error(transparent)]
    WrongReservation(#[from] WrongReservation),
    #[error(transparent)]
    WrongPayment(#[from] WrongPayment),
    #[error(transparent)]
    WrongAmount(#[from] WrongAmount),
    #[error(transparent)]
    DeliveryCount(#[from] DeliveryCount),
    #[error(transparent)]
    EventCount(#[from] EventCount),
    #[error(transparent)]
    ForeignId(#[from] ForeignId),
    #[error(transparent)]
    FigureDiffers(#[from] FigureDiffers),
    #[error(transparent)]
    OutboxRow(#[from] OutboxRow),
    #[error(transparent)]
    QueueFault(#[from] QueueFault),
}

impl Violation {
    /// Whose message would mend it, if one is still on its way; `None` for what no message can mend.
    pub fn awaited(&self) -> Option<WorkQueue> {
        match self {
            Self::Stranded(Stranded::NeverStarted { .. }) => Some(WorkQueue::OrderProcessing),
            Self::Stranded(Stranded::Overdue { .. }) => Some(WorkQueue::OrderReplies),
            Self::WrongReservation(wrong) if wrong.awaited => Some(WorkQueue::InventoryRequests),
            Self::WrongPayment(wrong) if wrong.awaited => Some(WorkQueue::PaymentRequests),
            Self::DeliveryCount(count) if count.times < count.due => channel_named(&count.channel).map(queue_of),
            Self::EventCount(count) if count.times < count.due => Some(WorkQueue::Analytics),
            Self::FigureDiffers(figure) if figure.awaited => Some(WorkQueue::Analytics),
            Self::WrongReservation(_)
            | Self::WrongPayment(_)
            | Self::DeliveryCount(_)
            | Self::EventCount(_)
            | Self::Vanished(_)
            | Self::ImpossibleState(_)
            | Self::IllegalChange(_)
            | Self::WrongEnd(_)
            | Self::AppliedTwice(_)
            | Self::ShelfDiffers(_)
            | Self::Oversold(_)
            | Self::LedgerDiffers(_)
            | Self::LinesDiffer(_)
            | Self::WrongAmount(_)
            | Self::FigureDiffers(_)
            | Self::ForeignId(_)
            | Self::OutboxRow(_)
            | Self::QueueFault(_) => None,
        }
    }

    /// Whether waiting may mend it.
    pub fn may_heal(&self) -> bool {
        let in_flight = matches!(self, Self::OutboxRow(_) | Self::QueueFault(_));
        in_flight || self.awaited().is_some()
    }
}
