//! The outside world: mail, SMS, push and the payment gateway, each with its real and its folder or simulated form; the identity
//! provider and the shared quotas of the API; partners' endpoints.
//!
//! Built by `config::outbound`, called by the services. Every call has a deadline, carries a key that stays the same when it is
//! repeated, and ends in a value the caller can decide on: [`outbound::SendError`] or [`gateway::GatewayError`].

mod folder;
pub mod gateway;
mod http;
pub mod identity;
pub mod mail;
pub mod management;
pub mod outbound;
pub mod push;
pub mod shared_quota;
pub mod sms;
pub mod webhooks;

pub use outbound::{SendError, Sent, SetupError};
