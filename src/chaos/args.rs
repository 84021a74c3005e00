//! The options of a chaos run. `scripts/chaos.sh` sets the addresses by the environment. Read by [`super::run`].

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use super::fault::Kind;

/// Runs the whole fleet under load on servers of its own, breaks everything by a schedule that follows from the seed, heals, and
/// proves from the data and from the outside world's own books that nothing was lost and nothing happened twice.
///
/// Exit code 0: no violation; 1: a violation, or the run could not be made.
#[derive(Parser, Clone)]
#[command(name = "chaos", version)]
pub struct ChaosArgs {
    /// Decides the schedule of faults and the orders; the same seed and minutes, the same schedule. Without it, one is drawn.
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,

    /// How long load and faults last.
    #[arg(long, default_value_t = 2.0, value_name = "MINUTES", value_parser = minutes)]
    pub minutes: f64,

    /// Orders submitted per second, whatever the fleet answers (open loop).
    #[arg(long, default_value_t = 10.0, value_name = "RATE", value_parser = rate)]
    pub rate: f64,

    /// Kinds of faults to choose from, separated by commas. Without it, all that this machine can make.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LIST")]
    pub faults: Vec<Kind>,

    /// Where the report goes, as Markdown. It is printed in any case.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Three RabbitMQ nodes as a cluster, and faults of single nodes.
    #[arg(long)]
    pub cluster: bool,

    /// Builds and runs the release profile: slower to build, and for figures that count. Read by the script.
    #[arg(long)]
    pub release: bool,

    /// Only print the schedule.
    #[arg(long)]
    pub plan: bool,

    /// Every node of the cluster, as 127.0.0.1:5672, separated by commas.
    #[arg(long, env = "CHAOS_BROKERS", value_delimiter = ',', hide = true, value_name = "LIST")]
    pub brokers: Vec<SocketAddr>,

    /// RabbitMQ of this run.
    #[arg(long, env = "AMQP_URL", hide_env_values = true, default_value = "", value_name = "URL")]
    pub amqp_url: String,

    /// PostgreSQL of this run.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, default_value = "", value_name = "URL")]
    pub database_url: String,

    /// RabbitMQ's management API.
    #[arg(long, env = "AMQP_MANAGEMENT_URL", hide_env_values = true, default_value = "", value_name = "URL")]
    pub amqp_management_url: String,

    /// Folder of the servers of this run; they are killed, so it is never the developer's.
    #[arg(long, env = "FLEET_DIR", default_value = ".dev/chaos", value_name = "FOLDER")]
    pub fleet_dir: PathBuf,

    /// First of some thirty ports for the roles.
    #[arg(long, env = "CHAOS_FIRST_PORT", default_value_t = 25_660, value_name = "PORT")]
    pub first_port: u16,
}

impl ChaosArgs {
    pub fn length(&self) -> Duration {
        Duration::from_secs_f64(self.minutes * 60.0)
    }
}

fn minutes(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|minutes| (0.1..=1_440.0).contains(minutes)).ok_or("must be from 0.1 to 1440")
}

fn rate(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|rate| (0.1..=1_000.0).contains(rate)).ok_or("must be from 0.1 to 1000")
}
