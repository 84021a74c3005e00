//! How each binary is put together: its options, and what it starts. `fleet` starts all of them in one process.

mod command;
mod fleet;
mod order_api;
mod scheduler;
mod setup;
mod workers;

pub use command::{Role, main};
pub use fleet::{Fleet, fleet};
pub use order_api::{ApiServer, OrderApi, order_api};
pub use scheduler::{SchedulerRole, scheduler};
pub use setup::setup;
pub use workers::{
    Analytics, DeadLetters, Email, Inventory, OrderProcessor, Payment, Push, Sms, Webhooks, analytics_service,
    email_service, inventory_service, order_processor, payment_service, push_service, sms_service, webhook_service,
};
