//! The workers, one file or folder each: this is where a newcomer reads the business.

pub mod alert_sender;
pub mod analytics_service;
pub mod dead_letter_handler;
pub mod email_service;
pub mod inventory_service;
pub mod notifier;
pub mod order_processor;
pub mod payment_service;
pub mod push_service;
pub mod queue_ages;
pub mod rehearsals;
pub mod scheduler;
pub mod sms_service;
pub mod webhook_service;
