//! Every option of every binary: one clap `Args` per concern, each option also an environment variable, `--help` the reference.

mod broker;
mod consumer;
mod database;
mod log;
mod metrics;
pub mod outbound;

pub use broker::BrokerArgs;
pub use consumer::ConsumerArgs;
pub use database::DatabaseArgs;
pub use log::{LogArgs, LogFormat};
pub use metrics::MetricsArgs;
