//! The command line of a role: the options that all share, and its own.

use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser};

use crate::config::MetricsArgs;
use crate::runtime::{CommonArgs, Context, Tasks, run};

/// One role of the fleet. Its fields are its own options.
pub trait Role: Args {
    /// Name of the binary, of the connections on the broker and in the database.
    const NAME: &'static str;
    /// First lines of `--help`.
    const ABOUT: &'static str;

    /// Starts the role's tasks.
    ///
    /// # Errors
    /// When an option cannot be used; outages are not errors, they are waited out.
    fn start(&self, context: &Context, tasks: &mut Tasks) -> anyhow::Result<()>;
}

#[derive(Parser)]
#[command(version)]
struct Command<R: Role> {
    #[command(flatten)]
    role: R,
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    metrics: MetricsArgs,
}

/// What each binary calls.
pub fn main<R: Role>() -> ExitCode {
    let matches = Command::<R>::command().name(R::NAME).bin_name(R::NAME).about(R::ABOUT).get_matches();
    let command = match Command::<R>::from_arg_matches(&matches) {
        Ok(command) => command,
        Err(error) => error.exit(),
    };
    let Command { role, common, metrics } = command;
    run(R::NAME, &common, metrics.metrics_addr, |context, tasks| role.start(context, tasks))
}
