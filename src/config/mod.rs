//! Every option of every binary: one clap `Args` per concern, each option also an environment variable, `--help` the reference.

mod access;
mod broker;
mod consumer;
#[cfg(feature = "crash-points")]
mod crash;
mod database;
mod log;
mod management;
mod metrics;
pub mod outbound;
mod payment_webhook;
mod public;
mod shared;

pub use access::{AccessArgs, AccessMode, Limit, Networks, RateLimitArgs, TokenArgs};
pub use broker::BrokerArgs;
pub use consumer::ConsumerArgs;
#[cfg(feature = "crash-points")]
pub use crash::CrashArgs;
pub use database::DatabaseArgs;
pub use log::{LogArgs, LogFormat};
pub use management::ManagementArgs;
pub use metrics::MetricsArgs;
pub use payment_webhook::PaymentWebhookArgs;
pub use public::PublicArgs;
pub use shared::Shared;
