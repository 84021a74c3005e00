//! Entry of the binary `dead-letter-handler`: the service, or one of the operator's verbs.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use super::DeadLetterHandler;
use super::args::{Arguments, Verb};
use super::verbs::{discard, list, replay, show};
use crate::messaging::Handler;
use crate::runtime;

pub fn main() -> ExitCode {
    let Arguments { verb, common, metrics } = Arguments::parse();
    let Some(verb) = verb else {
        return runtime::run(DeadLetterHandler::ROLE, &common, metrics.metrics_addr, |context, tasks| {
            context.consume(DeadLetterHandler, tasks);
            Ok(())
        });
    };
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot start")
        .and_then(|runtime| runtime.block_on(run(verb)));
    done.unwrap_or_else(|error| {
        eprintln!("dead-letter-handler: {error:#}");
        ExitCode::FAILURE
    })
}

async fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match verb {
        Verb::List(args) => list(args, &mut out).await,
        Verb::Show(args) => show(args, &mut out).await,
        Verb::Replay(args) => replay(args, &mut out).await,
        Verb::Discard(args) => discard(args, &mut out).await,
    }
}
