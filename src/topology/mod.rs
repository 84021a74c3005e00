//! The broker's shape as data: one table from which declaring, checking and describing come.

mod declare;
mod describe;
mod mismatch;
mod options;
mod table;
mod work_queue;

pub use declare::{Report, TopologyError, apply};
pub use describe::describe;
pub use mismatch::Mismatch;
pub use options::{QueueType, TopologyArgs};
pub use table::{Argument, Binding, Exchange, Queue, Topology};
pub use work_queue::WorkQueue;

/// Names that other clients rely on; none may change.
pub mod names {
    pub const ORDERS: &str = "orders";
    pub const PROCESS: &str = "process";
    pub const PROCESS_HIGH: &str = "process.high";
    pub const NOTIFICATIONS: &str = "notifications";
    pub const EVENTS: &str = "events";
    pub const DLX: &str = "dlx";
    pub const FAILED: &str = "failed";
    pub const DEAD_LETTERS: &str = "dead_letters";
    pub const UNREADABLE_LETTERS: &str = "unreadable_letters";
    pub const ORDER_PROCESSING: &str = "order_processing";
    pub const ORDER_PROCESSING_HIGH: &str = "order_processing_high";
    pub const ORDER_REPLIES: &str = "order_replies";
    pub const INVENTORY_REQUESTS: &str = "inventory_requests";
    pub const PAYMENT_REQUESTS: &str = "payment_requests";
    pub const EMAIL_NOTIFICATIONS: &str = "email_notifications";
    pub const SMS_NOTIFICATIONS: &str = "sms_notifications";
    pub const PUSH_NOTIFICATIONS: &str = "push_notifications";
    pub const ANALYTICS: &str = "analytics";
    pub const WEBHOOK_DELIVERIES: &str = "webhook_deliveries";
}
