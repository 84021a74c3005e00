//! What the operator's verbs do. They write to `out`; the exit code is theirs.

use std::collections::HashSet;
use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use uuid::Uuid;

use super::args::{DiscardArgs, ListArgs, ReplayArgs, ShowArgs};
use super::replay::{CHUNK, Replayer, Report};
use super::{page, table};
use crate::messaging::Broker;
use crate::store::dead_letters::{self, Candidate, Cursor};

/// Name of the connections, as the database and the broker show them.
const OPERATOR: &str = "dead-letter-handler operator";
/// Not all that was asked for was done.
const INCOMPLETE: u8 = 1;
/// Wrong usage, as clap answers it.
const USAGE: u8 = 2;

pub async fn list(args: ListArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut db = args.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
    let filter = args.filter.filter(args.state);
    let letters = dead_letters::list(&mut db, &filter, args.after, args.limit).await?;
    let full = i64::try_from(letters.len()).is_ok_and(|count| count == args.limit);
    let next = letters.last().filter(|_| full).map(|last| Cursor::after(last).to_string());
    if args.json {
        let mut shown = serde_json::to_value(&letters)?;
        super::mask::mask_json(&mut shown);
        writeln!(out, "{}", json!({"dead_letters": shown, "next": next}))?;
    } else if letters.is_empty() {
        writeln!(out, "no dead letters")?;
    } else {
        writeln!(out, "{}", table::of(&letters))?;
        if let Some(next) = next {
            writeln!(out, "there may be more: --after {next}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn show(args: ShowArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut db = args.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
    let Some(letter) = dead_letters::get(&mut db, args.id).await? else {
        bail!("there is no dead letter {}", args.id);
    };
    match args.json {
        true => writeln!(out, "{}", page::json(letter, args.reveal)?)?,
        false => write!(out, "{}", page::text(letter, args.reveal))?,
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn discard(args: DiscardArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut db = args.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
    let discarded: HashSet<Uuid> = dead_letters::discard(&mut db, &args.ids, &args.reason).await?.into_iter().collect();
    let states = dead_letters::states(&mut db, &args.ids).await?;
    let mut lines = Vec::new();
    for id in &args.ids {
        let state = states.iter().find(|(of, _)| of == id).map(|(_, state)| *state);
        let text = match (discarded.contains(id), state) {
            (true, _) => "discarded".to_owned(),
            (false, Some(state)) => format!("not discarded: it is {state}"),
            (false, None) => "there is no such dead letter".to_owned(),
        };
        lines.push(json!({"id": id, "discarded": discarded.contains(id), "detail": text}));
    }
    print(&lines, args.json, out)?;
    Ok(exit(args.ids.iter().all(|id| discarded.contains(id))))
}

pub async fn replay(args: ReplayArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    if !args.all && args.filter.is_given() {
        eprintln!("dead-letter-handler: filters go with --all, not with ids");
        return Ok(ExitCode::from(USAGE));
    }
    let db = args.database.pool(OPERATOR)?;
    let ids = match args.all {
        true => {
            let mut connection = db.acquire().await.context("the database does not answer")?;
            let candidates = dead_letters::replayable(&mut connection, &args.filter.filter(None)).await?;
            match agreed(&args, &candidates, out)? {
                Some(exit) => return Ok(exit),
                None => candidates.into_iter().map(|candidate| candidate.id).collect(),
            }
        }
        false => {
            let mut seen = HashSet::new();
            args.ids.iter().copied().filter(|id| seen.insert(*id)).collect::<Vec<Uuid>>()
        }
    };
    #[cfg(feature = "crash-points")]
    args.crash.arm();
    let mut replayer = Replayer::new(db, Broker::new(&args.broker, OPERATOR)?);
    let mut replayed = 0;
    let mut documents = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let reports = replayer.replay(chunk).await?;
        replayed += reports.iter().filter(|report| report.outcome.is_replayed()).count();
        let lines: Vec<Value> = reports.iter().map(document).collect();
        match args.json {
            true => documents.extend(lines),
            false => print(&lines, false, out)?,
        }
    }
    match args.json {
        true => print(&documents, true, out)?,
        false => writeln!(out, "{replayed} of {} replayed", ids.len())?,
    }
    Ok(exit(replayed == ids.len()))
}

/// Says how many would be replayed, and asks. `Some` is the exit code where nothing is to be done.
fn agreed(args: &ReplayArgs, candidates: &[Candidate], out: &mut impl Write) -> anyhow::Result<Option<ExitCode>> {
    if args.dry_run && args.json {
        writeln!(out, "{}", json!({"count": candidates.len()}))?;
        return Ok(Some(ExitCode::SUCCESS));
    }
    if !args.json {
        match candidates.is_empty() {
            true => writeln!(out, "no dead letters to replay")?,
            false => writeln!(out, "{}\n{} to replay", table::counted(candidates), candidates.len())?,
        }
    }
    if args.dry_run || candidates.is_empty() {
        if args.json {
            writeln!(out, "[]")?;
        }
        return Ok(Some(ExitCode::SUCCESS));
    }
    if args.yes {
        return Ok(None);
    }
    let stdin = std::io::stdin();
    if args.json || !stdin.is_terminal() {
        eprintln!("dead-letter-handler: nobody is there to be asked; add --yes");
        return Ok(Some(ExitCode::from(USAGE)));
    }
    write!(out, "Replay them? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(None),
        _ => {
            writeln!(out, "nothing was replayed")?;
            Ok(Some(ExitCode::from(INCOMPLETE)))
        }
    }
}

fn document(report: &Report) -> Value {
    json!({"id": report.id, "outcome": report.outcome.code(), "detail": report.outcome.to_string()})
}

/// One line per dead letter, or one JSON document.
fn print(lines: &[Value], as_json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if as_json {
        writeln!(out, "{}", Value::from(lines))?;
        return Ok(());
    }
    for line in lines {
        let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
        writeln!(out, "{}  {}", text("id"), text("detail"))?;
    }
    Ok(())
}

fn exit(complete: bool) -> ExitCode {
    if complete { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) }
}
