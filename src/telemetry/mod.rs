//! How the fleet is seen: logs, health, metrics.

mod health;
mod http;
mod log;
mod metrics;
mod server;

pub use health::{Health, Pulse};
pub use http::observe;
pub use log::init;
pub use metrics::{Metrics, metrics};
pub use server::routes;

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
