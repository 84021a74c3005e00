//! Where a worker shows its health and its metrics.

use std::net::SocketAddr;

use clap::Args;

#[derive(Args, Clone, Debug)]
pub struct MetricsArgs {
    /// Address of /health/live, /health/ready and /metrics; port 0 takes any free one (the log says which).
    #[arg(long, env = "METRICS_ADDR", default_value = "127.0.0.1:9100", value_name = "ADDRESS")]
    pub metrics_addr: SocketAddr,
}
