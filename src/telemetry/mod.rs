//! How the fleet is seen: logs, health, metrics, and what a process says of itself in its heartbeat.

mod health;
mod http;
mod log;
mod metrics;
mod process;
mod server;
mod signs;
mod taking;

pub use health::{Health, Pulse, RoleHealth};
pub use http::observe;
pub use log::init;
pub use metrics::{Metrics, metrics, rehearsing};
pub use process::{CpuMeter, Memory, Stat, bytes_written, host};
pub use server::routes;
pub use signs::{BreakerSign, Signs};
pub use taking::{Taken, Taking};

/// The whole chain of an error in one line, outermost first.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
