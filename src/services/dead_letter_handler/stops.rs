//! The verbs that stop and let go: a queue's consumers, an order. Each needs a reason, and the audit log knows of it.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::args::{HoldArgs, PauseArgs, ReleaseArgs, ResumeConsumersArgs, StoppedArgs};
use super::table;
use super::verbs::{INCOMPLETE, OPERATOR, USAGE};
use crate::access::Actor;
use crate::store::audit_log::{self, Deed};
use crate::store::controls;
use crate::topology::WorkQueue;

pub async fn pause(args: PauseArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    if WorkQueue::by_name(&args.queue).is_none() {
        let names: Vec<&str> = WorkQueue::ALL.into_iter().map(WorkQueue::name).collect();
        eprintln!(
            "dead-letter-handler: no consumer of the fleet takes from {}; one of {}",
            args.queue,
            names.join(", ")
        );
        return Ok(ExitCode::from(USAGE));
    }
    let mut db = args.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
    let actor = args.by.actor();
    let mut tx = db.begin().await?;
    controls::pause(&mut tx, &args.queue, &args.why, &actor.to_string()).await?;
    did(&mut tx, &actor, "consumer.pause", &format!("queue:{}", args.queue), Some(&args.why)).await?;
    tx.commit().await?;
    writeln!(
        out,
        "consumers of {} finish what they have in hand and take nothing more, within a second or two",
        args.queue
    )?;
    Ok(ExitCode::SUCCESS)
}

pub async fn resume(args: ResumeConsumersArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut db = args.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
    let mut tx = db.begin().await?;
    let was_paused = controls::resume(&mut tx, &args.queue).await?;
    if was_paused {
        did(&mut tx, &args.by.actor(), "consumer.resume", &format!("queue:{}", args.queue), None).await?;
    }
    tx.commit().await?;
    match was_paused {
        true => writeln!(out, "consumers of {} go on", args.queue)?,
        false => writeln!(out, "consumers of {} were not paused", args.queue)?,
    }
    Ok(ExitCode::from(if was_paused { 0 } else { INCOMPLETE }))
}

pub async fn hold(args: HoldArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut db = args.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
    let actor = args.by.actor();
    let mut tx = db.begin().await?;
    controls::hold(&mut tx, args.order, &args.why, &actor.to_string()).await?;
    did(&mut tx, &actor, "order.hold", &format!("order:{}", args.order), Some(&args.why)).await?;
    tx.commit().await?;
    writeln!(out, "messages of order {} are parked from now on, within a second or two", args.order)?;
    Ok(ExitCode::SUCCESS)
}

pub async fn release(args: ReleaseArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut db = args.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
    let mut tx = db.begin().await?;
    let was_held = controls::let_go(&mut tx, args.order).await?;
    if was_held {
        did(&mut tx, &args.by.actor(), "order.release", &format!("order:{}", args.order), None).await?;
    }
    tx.commit().await?;
    match was_held {
        true => writeln!(out, "order {} goes on; what was parked follows in its sequence", args.order)?,
        false => writeln!(out, "order {} was not held", args.order)?,
    }
    Ok(ExitCode::from(if was_held { 0 } else { INCOMPLETE }))
}

pub async fn stopped(args: StoppedArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut db = args.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
    let all = controls::stopped(&mut db).await?;
    match (args.json, all.is_empty()) {
        (true, _) => writeln!(out, "{}", json!({"stopped": all}))?,
        (false, true) => writeln!(out, "nothing is stopped")?,
        (false, false) => writeln!(out, "{}", table::stopped(&all))?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn did(
    db: &mut PgConnection,
    actor: &Actor,
    action: &str,
    target: &str,
    reason: Option<&str>,
) -> Result<(), sqlx::Error> {
    let deed = Deed { actor, action, target, reason, before: None, after: None, correlation_id: None };
    audit_log::append(db, &deed).await
}
