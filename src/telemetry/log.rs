//! Starts logging for one process.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

use crate::config::{LogArgs, LogFormat};

/// Logs to stderr from now on. A filter that cannot be read falls back to `info` and says so.
pub fn init(args: &LogArgs) {
    let (filter, complaint) = match EnvFilter::try_new(&args.filter) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let started = match args.log_format {
        LogFormat::Json => registry
            .with(fmt::layer().json().flatten_event(true).with_current_span(false).with_writer(std::io::stderr))
            .try_init(),
        LogFormat::Text => registry.with(fmt::layer().with_writer(std::io::stderr)).try_init(),
    };
    if started.is_ok()
        && let Some(error) = complaint
    {
        tracing::warn!(%error, filter = args.filter, "the log filter cannot be read, using info");
    }
}
