//! The command line of a role: the options that all share, and its own.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

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

#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct WithVerbs<R: Role, V: Subcommand> {
    #[command(subcommand)]
    verb: Option<V>,
    #[command(flatten)]
    command: Command<R>,
}

/// What each binary calls.
pub fn main<R: Role>() -> ExitCode {
    let command: Command<R> = parse::<R, _>();
    serve(command)
}

/// What a binary calls that also has commands beside its role: each is done and the program ends.
pub fn main_or<R: Role, V: Subcommand>(run: impl FnOnce(V) -> ExitCode) -> ExitCode {
    match parse::<R, WithVerbs<R, V>>() {
        WithVerbs { verb: Some(verb), .. } => run(verb),
        WithVerbs { verb: None, command } => serve(command),
    }
}

fn parse<R: Role, P: Parser>() -> P {
    let matches = P::command().name(R::NAME).bin_name(R::NAME).about(R::ABOUT).get_matches();
    P::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

fn serve<R: Role>(Command { role, common, metrics }: Command<R>) -> ExitCode {
    run(R::NAME, &common, metrics.metrics_addr, |context, tasks| role.start(context, tasks))
}
