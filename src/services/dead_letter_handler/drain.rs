//! `drain`: takes what waits in a queue into the dead-letter store. First says how much that is, and asks.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

use super::args::DrainArgs;
use super::ask::{Answer, ask};
use super::verbs::{INCOMPLETE, OPERATOR, USAGE, by};
use crate::dead_letters::drain::{Drained, consumer_of, drain as take_out, waiting};
use crate::messaging::{Broker, QueueFigures, may_hold_bundles};
use crate::topology::WorkQueue;

pub async fn drain(args: DrainArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let Some(consumer) = consumer_of(&args.queue) else {
        let names: Vec<&str> = WorkQueue::ALL.into_iter().map(WorkQueue::name).collect();
        eprintln!(
            "dead-letter-handler: {} cannot be drained; one of {} or of their retry queues",
            args.queue,
            names.join(", ")
        );
        return Ok(ExitCode::from(USAGE));
    };
    let broker = Broker::new(&args.broker, OPERATOR)?;
    let Some(found) = waiting(&broker, &args.queue).await? else {
        eprintln!("dead-letter-handler: the broker has no queue {}; run setup", args.queue);
        return Ok(ExitCode::from(INCOMPLETE));
    };
    if !args.json {
        writeln!(out, "{}", preview(&args.queue, found))?;
    }
    if args.dry_run || found.messages == 0 {
        if args.json {
            let QueueFigures { messages, consumers } = found;
            writeln!(out, "{}", json!({"queue": args.queue, "messages": messages, "consumers": consumers}))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes {
        match ask("Take them out?", args.json, out)? {
            Answer::Yes => {}
            Answer::No => return Ok(ExitCode::from(INCOMPLETE)),
            Answer::Nobody => return Ok(ExitCode::from(USAGE)),
        }
    }
    let db = args.database.pool(OPERATOR)?;
    drop(db.acquire().await.context("the database does not answer")?);
    let actor = args.by.actor();
    let by = by(&actor, &args.why);
    let drained = take_out(&db, &broker, &args.queue, consumer, &by, None).await?;
    let Drained { letters, left, is_complete } = drained;
    match args.json {
        true => writeln!(out, "{}", json!({"queue": args.queue, "letters": letters, "left": left}))?,
        false => {
            let queue = consumer.name();
            writeln!(out, "stored: {letters}; still in {}: {left}", args.queue)?;
            writeln!(out, "see them: dead-letter-handler list --queue {queue} --reason drained")?;
            writeln!(out, "give them back: dead-letter-handler replay --all --queue {queue} --reason drained")?;
        }
    }
    Ok(ExitCode::from(if is_complete { 0 } else { INCOMPLETE }))
}

fn preview(queue: &str, found: QueueFigures) -> String {
    let consumers = match found.consumers {
        0 => String::new(),
        some => format!("; {some} consumers take from it meanwhile, so pause {queue} first to get them all"),
    };
    let bundles = if may_hold_bundles(queue) { " (a bundle of messages counts as one)" } else { "" };
    format!("waiting in {queue}: {}{bundles}{consumers}", found.messages)
}
