//! The verbs about replays: begin one and follow it, list them, pause, resume and cancel them.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::json;
use sqlx::{Connection, PgPool};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::args::{Chosen, ReplayArgs, ReplaysArgs, ReplaysVerb, RunArgs};
use super::ask::{Answer, ask};
use super::progress::{Progress, summary};
use super::table;
use super::verbs::{INCOMPLETE, OPERATOR, USAGE};
use crate::access::Actor;
use crate::dead_letters::consumers::Consumers;
use crate::dead_letters::replay::{Begin, LISTED, Left, Runner, Turn, begin, first_items, preview, turn};
use crate::messaging::Broker;
use crate::store::dead_letters::{self as store, ItemState, Operation, OperationState};

/// Pause between two looks at a replay that is followed.
const LOOK: Duration = Duration::from_millis(200);
/// Letters that are tried before it is asked whether to go on.
const SAMPLE: i64 = 1000;

pub async fn replay(args: ReplayArgs, consumers: Arc<dyn Consumers>, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let chosen = match args.chosen.read() {
        Ok(chosen) => chosen,
        Err(wrong) => {
            eprintln!("dead-letter-handler: {wrong}");
            return Ok(ExitCode::from(USAGE));
        }
    };
    let db = args.run.database.pool(OPERATOR)?;
    if ((chosen.is_by_filter() && !args.chosen.yes) || args.chosen.dry_run)
        && let Some(exit) = agreed(&args, &db, &chosen, consumers.as_ref(), out).await?
    {
        return Ok(exit);
    }
    #[cfg(feature = "crash-points")]
    args.crash.arm();
    let (actor, runner) = (args.run.by.actor(), Uuid::now_v7());
    let mut connection = db.acquire().await.context("the database does not answer")?;
    let mut tx = connection.begin().await?;
    let asked = Begin {
        actor: &actor,
        reason: args.why.as_deref(),
        rate: args.rate,
        failure_limit: args.failure_limit / 100.0,
        watched: !args.no_watch,
        runner: Some(runner),
    };
    let operation = begin(&mut tx, &asked, &chosen.selection()).await?;
    tx.commit().await?;
    drop(connection);
    follow(&db, &args.run, operation, runner, consumers, out).await
}

/// Runs an operation in this process and shows how it goes.
async fn follow(
    db: &PgPool,
    run: &RunArgs,
    operation: Operation,
    runner: Uuid,
    consumers: Arc<dyn Consumers>,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let (id, leave) = (operation.id, CancellationToken::new());
    let progress = Progress::start(&operation);
    let lease = Duration::from_secs(run.lease_seconds.unsigned_abs().into());
    let mut runner = Runner::new(runner, db.clone(), Broker::new(&run.broker, OPERATOR)?, consumers).with_lease(lease);
    let mut running = {
        let leave = leave.clone();
        tokio::spawn(async move {
            loop {
                match runner.run(id, &leave).await? {
                    // another process has it; should that die, this one takes over
                    Left::Taken if !leave.is_cancelled() => tokio::time::sleep(LOOK).await,
                    Left::Taken | Left::NotRunning | Left::Shutdown => return Ok::<(), sqlx::Error>(()),
                }
            }
        })
    };
    let (mut interrupted, mut left) = (false, None);
    loop {
        tokio::select! {
            ended = &mut running, if left.is_none() => {
                left = Some(ended.context("the replay broke off")?.with_context(|| {
                    format!("replay {id} stands still; dead-letter-handler replays resume {id} goes on")
                })?);
            }
            () = tokio::time::sleep(LOOK) => {
                let mut connection = db.acquire().await?;
                if let Some(now) = store::operation(&mut connection, id).await? {
                    progress.show(&now);
                    // another process may run it: it is followed all the same
                    if now.state != OperationState::Running && left.is_some() {
                        break;
                    }
                }
            }
            _ = tokio::signal::ctrl_c(), if !interrupted => {
                interrupted = true;
                leave.cancel();
            }
        }
        if interrupted && left.is_some() {
            break;
        }
    }
    progress.end();
    let mut connection = db.acquire().await?;
    if interrupted {
        let running = [OperationState::Running];
        store::turn(&mut connection, id, &running, OperationState::Paused, Some("interrupted at the terminal")).await?;
    }
    let Some(now) = store::operation(&mut connection, id).await? else { bail!("replay {id} is gone") };
    report(&mut connection, &now, run.json, out).await
}

/// What has become of a replay. Exit code 0 when all that was asked for was done.
async fn report(
    db: &mut sqlx::PgConnection,
    now: &Operation,
    as_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let items = first_items(db, now.id).await?;
    let resolved = store::resolved_by(db, now.id).await?;
    let done = now.applied == now.total;
    if as_json {
        let groups: Vec<Uuid> = resolved.iter().map(|(id, _)| *id).collect();
        writeln!(out, "{}", json!({"replay": now, "first": items, "groups_resolved": groups}))?;
    } else {
        for item in items.iter().filter(|item| i64::from(now.total) <= LISTED || item.state == ItemState::Failed) {
            let detail = item.detail.as_deref().map(|detail| format!(": {detail}"));
            writeln!(out, "{}  {}{}", item.id, item.state, detail.unwrap_or_default())?;
        }
        let because = now.state_reason.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
        writeln!(out, "replay {} {}{because}: {} of {}", now.id, now.state, summary(now), now.total)?;
        for (group, error) in &resolved {
            writeln!(out, "resolved: group {group}: {}", crate::dead_letters::mask::mask_text(error))?;
        }
        match now.state {
            OperationState::Paused => writeln!(out, "go on: dead-letter-handler replays resume {}", now.id)?,
            OperationState::Running => {
                writeln!(out, "it goes on in another process: dead-letter-handler replays show {}", now.id)?
            }
            OperationState::Stopped | OperationState::Cancelled | OperationState::Completed => {}
        }
    }
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}

/// Says what would happen, and asks. `Some` is the exit code where nothing is to be done.
async fn agreed(
    args: &ReplayArgs,
    db: &PgPool,
    chosen: &Chosen,
    consumers: &dyn Consumers,
    out: &mut impl Write,
) -> anyhow::Result<Option<ExitCode>> {
    let preview = preview(db, &chosen.selection(), SAMPLE, consumers).await?;
    if !args.run.json {
        match preview.total {
            0 => writeln!(out, "no dead letters to replay")?,
            _ => write!(out, "{}", table::preview(&preview))?,
        }
    }
    if args.chosen.dry_run || preview.total == 0 {
        if args.run.json {
            writeln!(out, "{}", serde_json::to_string(&preview)?)?;
        }
        return Ok(Some(ExitCode::SUCCESS));
    }
    match ask("Replay them?", args.run.json, out)? {
        Answer::Yes => Ok(None),
        Answer::Nobody => Ok(Some(ExitCode::from(USAGE))),
        Answer::No => {
            writeln!(out, "nothing was replayed")?;
            Ok(Some(ExitCode::from(INCOMPLETE)))
        }
    }
}

pub async fn replays(
    args: ReplaysArgs,
    consumers: Arc<dyn Consumers>,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    match args.verb {
        ReplaysVerb::List(list) => {
            let mut db = list.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
            let all = store::operations(&mut db, None, list.limit).await?;
            match (list.json, all.is_empty()) {
                (true, _) => writeln!(out, "{}", json!({"replays": all}))?,
                (false, true) => writeln!(out, "no replays")?,
                (false, false) => writeln!(out, "{}", table::replays(&all))?,
            }
            Ok(ExitCode::SUCCESS)
        }
        ReplaysVerb::Show(one) => {
            let mut db = one.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
            let Some(now) = store::operation(&mut db, one.id).await? else { bail!("there is no replay {}", one.id) };
            report(&mut db, &now, one.json, out).await?;
            Ok(ExitCode::SUCCESS)
        }
        ReplaysVerb::Pause(one) => {
            turned(&one.database.pool(OPERATOR)?, one.id, &one.by.actor(), Turn::Pause, out).await
        }
        ReplaysVerb::Cancel(one) => {
            turned(&one.database.pool(OPERATOR)?, one.id, &one.by.actor(), Turn::Cancel, out).await
        }
        ReplaysVerb::Resume(one) => {
            let db = one.run.database.pool(OPERATOR)?;
            turned(&db, one.id, &one.run.by.actor(), Turn::Resume, &mut std::io::sink()).await?;
            let mut connection = db.acquire().await.context("the database does not answer")?;
            let Some(now) = store::operation(&mut connection, one.id).await? else {
                bail!("there is no replay {}", one.id)
            };
            drop(connection);
            follow(&db, &one.run, now, Uuid::now_v7(), consumers, out).await
        }
    }
}

async fn turned(db: &PgPool, id: Uuid, actor: &Actor, wanted: Turn, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut connection = db.acquire().await.context("the database does not answer")?;
    let mut tx = connection.begin().await?;
    let Some((now, turned)) = turn(&mut tx, actor, id, wanted).await? else { bail!("there is no replay {id}") };
    tx.commit().await?;
    match turned {
        true => writeln!(out, "replay {id} {}", now.state)?,
        false => writeln!(out, "replay {id} is {}", now.state)?,
    }
    Ok(if turned { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}
