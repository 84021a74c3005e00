//! What the verbs about replays take.

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{ChosenArgs, OperatorArgs};
use crate::config::{BrokerArgs, DatabaseArgs};
use crate::store::dead_letters::RUNNER_LEASE_SECONDS;

/// What running a replay takes.
#[derive(Args)]
pub struct RunArgs {
    #[arg(long)]
    pub json: bool,
    /// How long others wait before they take the replay over, should this process die, in seconds.
    #[arg(long, default_value_t = RUNNER_LEASE_SECONDS, value_parser = clap::value_parser!(i32).range(2..=600), hide = true)]
    pub lease_seconds: i32,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[command(flatten)]
    pub broker: BrokerArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    pub chosen: ChosenArgs,
    /// Why, for the audit log.
    #[arg(long)]
    pub why: Option<String>,
    /// Most messages per second, once the first have gone well.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(i32).range(1..=10_000), value_name = "COUNT")]
    pub rate: i32,
    /// Percent of a group that may fail again; beyond it the rest of the group is kept.
    #[arg(long, default_value_t = 5.0, value_parser = percent, value_name = "PERCENT")]
    pub failure_limit: f64,
    /// Do not follow the messages to their end: publish them all, with retries as usual.
    #[arg(long)]
    pub no_watch: bool,
    #[command(flatten)]
    pub run: RunArgs,
    #[cfg(feature = "crash-points")]
    #[command(flatten)]
    pub crash: crate::config::CrashArgs,
}

fn percent(text: &str) -> Result<f64, &'static str> {
    let percent = text.trim_end_matches('%').parse().map_err(|_| "must be a number from 0 to 100")?;
    if (0.0..=100.0).contains(&percent) { Ok(percent) } else { Err("must be a number from 0 to 100") }
}

#[derive(Args)]
pub struct ReplaysArgs {
    #[command(subcommand)]
    pub verb: ReplaysVerb,
}

#[derive(Subcommand)]
pub enum ReplaysVerb {
    /// The newest first.
    List(ReplayListArgs),
    /// How far one has come.
    Show(OneReplayArgs),
    /// Send nothing more; what is on its way ends.
    Pause(OneReplayArgs),
    /// Go on, in this process.
    Resume(ResumeArgs),
    /// Send nothing more, for good; what was not sent stays unresolved.
    Cancel(OneReplayArgs),
}

#[derive(Args)]
pub struct ReplayListArgs {
    /// Most lines.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=10_000), value_name = "COUNT")]
    pub limit: i64,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct OneReplayArgs {
    pub id: Uuid,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct ResumeArgs {
    pub id: Uuid,
    #[command(flatten)]
    pub run: RunArgs,
}
