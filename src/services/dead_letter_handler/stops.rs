//! The verbs that stop and let go: a queue's consumers, an order. Each needs a reason, and the audit log knows of it.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;
use sqlx::pool::PoolConnection;
use sqlx::{Connection, Postgres};

use super::args::{OneOrderArgs, OneQueueArgs, StoppedArgs};
use super::table;
use super::verbs::{INCOMPLETE, OPERATOR, USAGE, by};
use crate::config::DatabaseArgs;
use crate::dead_letters::stops;
use crate::store::controls;
use crate::topology::WorkQueue;

/// Most lines of `stopped`.
const LISTED: i64 = 1000;

pub async fn pause(args: OneQueueArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let Some(queue) = consumed(&args.queue) else { return Ok(ExitCode::from(USAGE)) };
    let actor = args.by.actor();
    let mut db = connect(&args.database).await?;
    let mut tx = db.begin().await?;
    stops::pause(&mut tx, queue, &by(&actor, &args.why)).await?;
    tx.commit().await?;
    let said = "finish what they have in hand and take nothing more, within a second or two";
    tell(args.json, "queue", queue.name(), "paused", &format!("consumers of {} {said}", queue.name()), true, out)
}

pub async fn resume(args: OneQueueArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let Some(queue) = consumed(&args.queue) else { return Ok(ExitCode::from(USAGE)) };
    let actor = args.by.actor();
    let mut db = connect(&args.database).await?;
    let mut tx = db.begin().await?;
    let by = by(&actor, &args.why);
    let was_paused = stops::resume(&mut tx, queue, &by).await?;
    tx.commit().await?;
    let said = if was_paused { "go on" } else { "were not paused" };
    let said = format!("consumers of {} {said}", queue.name());
    tell(args.json, "queue", queue.name(), "resumed", &said, was_paused, out)
}

pub async fn hold(args: OneOrderArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let actor = args.by.actor();
    let mut db = connect(&args.database).await?;
    let mut tx = db.begin().await?;
    stops::hold(&mut tx, args.order, &by(&actor, &args.why)).await?;
    tx.commit().await?;
    let order = args.order.to_string();
    let said = format!("messages of order {order} are parked from now on, within a second or two");
    tell(args.json, "order_id", &order, "held", &said, true, out)
}

pub async fn release(args: OneOrderArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let actor = args.by.actor();
    let mut db = connect(&args.database).await?;
    let mut tx = db.begin().await?;
    let by = by(&actor, &args.why);
    let was_held = stops::let_go(&mut tx, args.order, &by).await?;
    tx.commit().await?;
    let order = args.order.to_string();
    let said = match was_held {
        true => format!("order {order} goes on; what was parked follows in its sequence"),
        false => format!("order {order} was not held"),
    };
    tell(args.json, "order_id", &order, "released", &said, was_held, out)
}

pub async fn stopped(args: StoppedArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut db = connect(&args.database).await?;
    let all = controls::stopped(&mut db, LISTED).await?;
    match (args.json, all.is_empty()) {
        (true, _) => writeln!(out, "{}", json!({"stopped": all}))?,
        (false, true) => writeln!(out, "nothing is stopped")?,
        (false, false) => writeln!(out, "{}", table::stopped(&all))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The queue of this name, if the fleet consumes it; else says which ones it does.
fn consumed(name: &str) -> Option<WorkQueue> {
    let found = WorkQueue::by_name(name);
    if found.is_none() {
        let names: Vec<&str> = WorkQueue::ALL.into_iter().map(WorkQueue::name).collect();
        eprintln!("dead-letter-handler: no consumer of the fleet takes from {name}; one of {}", names.join(", "));
    }
    found
}

async fn connect(database: &DatabaseArgs) -> anyhow::Result<PoolConnection<Postgres>> {
    database.pool(OPERATOR)?.acquire().await.context("the database does not answer")
}

/// Exit code 1 when there was nothing to do.
fn tell(
    as_json: bool,
    thing: &str,
    name: &str,
    verb: &str,
    said: &str,
    done: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    match as_json {
        true => writeln!(out, "{}", json!({thing: name, verb: done}))?,
        false => writeln!(out, "{said}")?,
    }
    Ok(ExitCode::from(if done { 0 } else { INCOMPLETE }))
}
