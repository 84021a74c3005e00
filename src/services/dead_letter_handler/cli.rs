//! Entry of the binary `dead-letter-handler`: the service, or one of the operator's verbs.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Command, CommandFactory, Parser};

use super::args::{Arguments, Verb};
use super::drain::drain;
use super::edit::edit;
use super::replays::{replay, replays};
use super::verbs::{count, discard, erase, group, groups, list, restore, show};
use super::{DeadLetterHandler, start, stops};
use crate::dead_letters::consumers::Consumers;
use crate::messaging::Handler;
use crate::runtime;
use crate::services::rehearsals::Rehearsals;

pub fn main() -> ExitCode {
    let Arguments { verb, common, metrics, saga } = Arguments::parse();
    let Some(verb) = verb else {
        return runtime::run(DeadLetterHandler::ROLE, &common, metrics.metrics_addr, |context, tasks| {
            start(context, saga, tasks);
            Ok(())
        });
    };
    let consumers: Arc<dyn Consumers> = Arc::new(Rehearsals::new(saga));
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot start")
        .and_then(|runtime| runtime.block_on(run(verb, consumers)));
    done.unwrap_or_else(|error| {
        eprintln!("dead-letter-handler: {error:#}");
        ExitCode::FAILURE
    })
}

/// The command line, for whoever wants to know what it takes.
pub fn command() -> Command {
    Arguments::command()
}

async fn run(verb: Verb, consumers: Arc<dyn Consumers>) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match verb {
        Verb::List(args) => list(args, &mut out).await,
        Verb::Groups(args) => groups(args, &mut out).await,
        Verb::Count(args) => count(args, &mut out).await,
        Verb::Group(args) => group(args, consumers.as_ref(), &mut out).await,
        Verb::Show(args) => show(args, consumers.as_ref(), &mut out).await,
        Verb::Replay(args) => replay(args, consumers, &mut out).await,
        Verb::Replays(args) => replays(args, consumers, &mut out).await,
        Verb::Edit(args) => edit(args, consumers.as_ref(), &mut out).await,
        Verb::Discard(args) => discard(args, &mut out).await,
        Verb::Restore(args) => restore(args, &mut out).await,
        Verb::Erase(args) => erase(args, &mut out).await,
        Verb::Pause(args) => stops::pause(args, &mut out).await,
        Verb::Resume(args) => stops::resume(args, &mut out).await,
        Verb::Drain(args) => drain(args, &mut out).await,
        Verb::Hold(args) => stops::hold(args, &mut out).await,
        Verb::Release(args) => stops::release(args, &mut out).await,
        Verb::Stopped(args) => stops::stopped(args, &mut out).await,
    }
}
