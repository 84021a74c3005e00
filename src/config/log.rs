//! What is logged, and how.

use clap::{Args, ValueEnum};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line, for machines.
    Json,
    /// Readable lines, for a terminal.
    Text,
}

#[derive(Args, Clone, Debug)]
pub struct LogArgs {
    /// Filter, as in info,order_fleet=debug. What the AMQP library logs by itself is off: every fault of it is logged by us.
    #[arg(long = "log", env = "RUST_LOG", default_value = "info,lapin=off,sqlx=warn", value_name = "FILTER")]
    pub filter: String,

    #[arg(long, env = "LOG_FORMAT", value_enum, default_value = "json")]
    pub log_format: LogFormat,
}
