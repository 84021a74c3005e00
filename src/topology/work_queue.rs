//! The queues that a role consumes, each with a retry ladder that leads back to it and to nowhere else.

use super::names;

/// A consumed queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkQueue {
    OrderProcessing,
    /// Orders with high priority: a queue of their own, since quorum queues know no priorities before RabbitMQ 4.0.
    OrderProcessingHigh,
    OrderReplies,
    InventoryRequests,
    PaymentRequests,
    EmailNotifications,
    SmsNotifications,
    PushNotifications,
    Analytics,
}

impl WorkQueue {
    pub const ALL: [Self; 9] = [
        Self::OrderProcessing,
        Self::OrderProcessingHigh,
        Self::OrderReplies,
        Self::InventoryRequests,
        Self::PaymentRequests,
        Self::EmailNotifications,
        Self::SmsNotifications,
        Self::PushNotifications,
        Self::Analytics,
    ];

    /// Rungs of every ladder; the delays are [`super::TopologyArgs::retry_delays`].
    pub const RUNGS: usize = 3;

    pub fn name(self) -> &'static str {
        match self {
            Self::OrderProcessing => names::ORDER_PROCESSING,
            Self::OrderProcessingHigh => names::ORDER_PROCESSING_HIGH,
            Self::OrderReplies => names::ORDER_REPLIES,
            Self::InventoryRequests => names::INVENTORY_REQUESTS,
            Self::PaymentRequests => names::PAYMENT_REQUESTS,
            Self::EmailNotifications => names::EMAIL_NOTIFICATIONS,
            Self::SmsNotifications => names::SMS_NOTIFICATIONS,
            Self::PushNotifications => names::PUSH_NOTIFICATIONS,
            Self::Analytics => names::ANALYTICS,
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.name() == name)
    }

    /// Name of one rung's queue, counted from 0. The ladder of `order_processing` is `order_retry_*` by contract.
    pub fn retry_queue(self, rung: usize) -> String {
        match self {
            Self::OrderProcessing => format!("order_retry_{rung}"),
            Self::OrderProcessingHigh
            | Self::OrderReplies
            | Self::InventoryRequests
            | Self::PaymentRequests
            | Self::EmailNotifications
            | Self::SmsNotifications
            | Self::PushNotifications
            | Self::Analytics => format!("{}_retry_{rung}", self.name()),
        }
    }

    /// Exchange and routing key by which a message gets into this queue only.
    pub fn way_in(self) -> (&'static str, &'static str) {
        match self {
            Self::OrderProcessing => (names::ORDERS, names::PROCESS),
            Self::OrderProcessingHigh => (names::ORDERS, names::PROCESS_HIGH),
            Self::OrderReplies
            | Self::InventoryRequests
            | Self::PaymentRequests
            | Self::EmailNotifications
            | Self::SmsNotifications
            | Self::PushNotifications
            | Self::Analytics => ("", self.name()),
        }
    }
}
