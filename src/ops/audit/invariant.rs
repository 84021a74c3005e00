//! The laws that the audit judges, each with its name in reports and one sentence.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Invariant {
    AcceptedOrdersExist,
    StatusFitsSaga,
    UnfinishedOrdersMove,
    HistoryLegal,
    HistoryEndsInStatus,
    MessagesAppliedOnce,
    StockEqualsLedger,
    NothingOversold,
    ReservationsEqualLedger,
    ReservationsEqualItems,
    ReservationsFitOrders,
    PaymentsFitOrders,
    PaymentAmounts,
    NotificationsOnce,
    NotificationIds,
    EventsOnce,
    EventIds,
    Statistics,
    OutboxMoves,
    QueuesExplained,
}

impl Invariant {
    pub fn name(self) -> &'static str {
        match self {
            Self::AcceptedOrdersExist => "accepted orders exist",
            Self::StatusFitsSaga => "status fits saga",
            Self::UnfinishedOrdersMove => "unfinished orders move",
            Self::HistoryLegal => "history legal",
            Self::HistoryEndsInStatus => "history ends in status",
            Self::MessagesAppliedOnce => "messages applied once",
            Self::StockEqualsLedger => "stock equals ledger",
            Self::NothingOversold => "nothing oversold",
            Self::ReservationsEqualLedger => "reservations equal ledger",
            Self::ReservationsEqualItems => "reservations equal items",
            Self::ReservationsFitOrders => "reservations fit orders",
            Self::PaymentsFitOrders => "payments fit orders",
            Self::PaymentAmounts => "payment amounts",
            Self::NotificationsOnce => "notifications once",
            Self::NotificationIds => "notification ids",
            Self::EventsOnce => "events once",
            Self::EventIds => "event ids",
            Self::Statistics => "statistics",
            Self::OutboxMoves => "outbox moves",
            Self::QueuesExplained => "queues explained",
        }
    }

    pub fn explanation(self) -> &'static str {
        match self {
            Self::AcceptedOrdersExist => "every answer given under an idempotency key has its order",
            Self::StatusFitsSaga => "a settled order has no saga, a running one has the saga of its status",
            Self::UnfinishedOrdersMove => {
                "every unfinished order waits within its deadline, or the outbox or a dead letter explains it"
            }
            Self::HistoryLegal => "every change of an order is one that the saga can make",
            Self::HistoryEndsInStatus => "every history ends in the order's present status",
            Self::MessagesAppliedOnce => "no message changed an order twice",
            Self::StockEqualsLedger => {
                "on hand = initial + adjusted - committed, reserved = reserved - released - committed"
            }
            Self::NothingOversold => "at no movement was a shelf below zero or below what it had promised",
            Self::ReservationsEqualLedger => "every reservation has exactly the movements of its status",
            Self::ReservationsEqualItems => "every reservation is of what was ordered",
            Self::ReservationsFitOrders => {
                "a confirmed order's stock is committed, that of a failed or cancelled one is not held"
            }
            Self::PaymentsFitOrders => "one payment is taken per confirmed order, none is held for any other",
            Self::PaymentAmounts => "what was taken is the order's total",
            Self::NotificationsOnce => "each notification was sent once per channel, none without a cause",
            Self::NotificationIds => "each notification has the message id that its order gives it",
            Self::EventsOnce => "each event was recorded once, none without a cause",
            Self::EventIds => "each event has the message id that its order gives it",
            Self::Statistics => "the figures are those of the orders",
            Self::OutboxMoves => "nothing waits in the outbox beyond the grace, unless it is parked",
            Self::QueuesExplained => {
                "no queue is missing or holds messages that no order explains; dead_letters is empty"
            }
        }
    }
}
