//! The options of a bench. `scripts/bench.sh` sets the addresses by the environment. Read by [`super::run`].

use std::path::PathBuf;

use clap::Parser;

use super::scenario::Scenario;

/// Runs the whole fleet on servers of its own through scenarios, and measures what an order costs: CPU of the fleet, the broker and the
/// database apart, latencies, memory, messages and rows; beside it, what the same broker and database can do alone.
#[derive(Parser, Clone)]
#[command(name = "bench", version)]
pub struct BenchArgs {
    /// What to measure [default: all].
    #[arg(value_enum, value_name = "SCENARIO")]
    pub scenarios: Vec<Scenario>,

    /// Orders of each scenario that does not say otherwise.
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u64).range(100..))]
    pub orders: u64,

    /// Orders with slow payments, or with payment errors; both take their time.
    #[arg(long, default_value_t = 2_000, value_name = "N", value_parser = clap::value_parser!(u64).range(100..))]
    pub slow_orders: u64,

    /// Orders of the backlog.
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = clap::value_parser!(u64).range(100..))]
    pub backlog: u64,

    /// Dead letters that are replayed.
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = clap::value_parser!(u64).range(100..))]
    pub dead_letters: u64,

    /// Orders that are in the tables already, one run of the scenario `growth` for each.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000,1000000", value_name = "N,…")]
    pub tables: Vec<u64>,

    /// Connections of the load generator.
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub connections: u16,

    /// Each role in a process of its own, instead of all in one.
    #[arg(long)]
    pub roles: bool,

    /// The database's statements by their time (the extension pg_stat_statements), which costs the database some per cent.
    #[arg(long)]
    pub statements: bool,

    /// Where the report goes, as Markdown. It is printed in any case.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Where every figure goes, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Folder of the servers of this run.
    #[arg(long, env = "FLEET_DIR", default_value = ".dev/bench", hide = true, value_name = "FOLDER")]
    pub fleet_dir: PathBuf,

    /// First of some thirty ports for the roles.
    #[arg(long, env = "BENCH_FIRST_PORT", default_value_t = 25_700, hide = true, value_name = "PORT")]
    pub first_port: u16,

    #[arg(long, env = "AMQP_URL", hide = true, hide_env_values = true, default_value = "", value_name = "URL")]
    pub amqp_url: String,

    #[arg(long, env = "DATABASE_URL", hide = true, hide_env_values = true, default_value = "", value_name = "URL")]
    pub database_url: String,

    #[arg(
        long,
        env = "AMQP_MANAGEMENT_URL",
        hide = true,
        hide_env_values = true,
        default_value = "",
        value_name = "URL"
    )]
    pub amqp_management_url: String,
}
