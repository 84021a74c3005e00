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
    WebhookDeliveries,
}

impl WorkQueue {
    pub const ALL: [Self; 10] = [
        Self::OrderProcessing,
        Self::OrderProcessingHigh,
        Self::OrderReplies,
        Self::InventoryRequests,
        Self::PaymentRequests,
        Self::EmailNotifications,
        Self::SmsNotifications,
        Self::PushNotifications,
        Self::Analytics,
        Self::WebhookDeliveries,
    ];

    /// Rungs of every ladder of the fleet's own; the delays are [`super::TopologyArgs::retry_delays`].
    pub const RUNGS: usize = 3;
    /// Rungs of the ladder to partners' servers, which stay away for longer; [`super::TopologyArgs::webhook_delays`].
    pub const WEBHOOK_RUNGS: usize = 4;

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
            Self::WebhookDeliveries => names::WEBHOOK_DELIVERIES,
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.name() == name)
    }

    /// How many rungs its ladder has: after so many retries a message is given up.
    pub fn rungs(self) -> usize {
        match self {
            Self::OrderProcessing
            | Self::OrderProcessingHigh
            | Self::OrderReplies
            | Self::InventoryRequests
            | Self::PaymentRequests
            | Self::EmailNotifications
            | Self::SmsNotifications
            | Self::PushNotifications
            | Self::Analytics => Self::RUNGS,
            Self::WebhookDeliveries => Self::WEBHOOK_RUNGS,
        }
    }

    /// The names of its ladder's queues, the shortest delay first.
    pub fn ladder(self) -> impl Iterator<Item = String> {
        (0..self.rungs()).map(move |rung| self.retry_queue(rung))
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
            | Self::Analytics
            | Self::WebhookDeliveries => format!("{}_retry_{rung}", self.name()),
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
            | Self::Analytics
            | Self::WebhookDeliveries => ("", self.name()),
        }
    }
}
