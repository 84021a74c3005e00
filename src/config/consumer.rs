//! How a worker takes messages.

use std::time::Duration;

use clap::Args;

#[derive(Args, Clone, Debug)]
pub struct ConsumerArgs {
    /// Messages that the broker sends ahead without an answer. Small enough that a crash loop harms few neighbours.
    #[arg(long, env = "PREFETCH", default_value_t = 1024, value_name = "COUNT")]
    pub prefetch: u16,

    /// Most messages of one database transaction.
    #[arg(long, env = "BATCH", default_value_t = 512, value_name = "COUNT")]
    pub batch: usize,

    /// Most messages of a batch that travel as one to another service of the fleet. 1 sends each alone, which whoever else reads these
    /// queues can read, too.
    #[arg(long, env = "BUNDLE", default_value_t = 64, value_name = "COUNT")]
    pub bundle: usize,

    /// Longest wait for work in hand after SIGTERM, in seconds.
    #[arg(long, env = "DRAIN_SECONDS", default_value_t = 20, value_name = "SECONDS")]
    pub drain_seconds: u64,
}

impl ConsumerArgs {
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}
