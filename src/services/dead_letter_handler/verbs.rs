//! What the operator's verbs do. They write to `out`; the exit code is theirs.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::json;
use sqlx::Connection;

use super::args::{CountArgs, DiscardArgs, EraseArgs, GroupArgs, GroupsArgs, ListArgs, ShowArgs};
use super::{page, table};
use crate::access::Actor;
use crate::dead_letters::case::Case;
use crate::dead_letters::consumers::Consumers;
use crate::dead_letters::view::view;
use crate::dead_letters::{By, Outcome};
use crate::store::dead_letters::{self, Cursor, Filter, GroupChange, GroupFilter, State};

/// Name of the connections, as the database and the broker show them.
pub(super) const OPERATOR: &str = "dead-letter-handler operator";
/// Not all that was asked for was done.
pub(super) const INCOMPLETE: u8 = 1;
/// Wrong usage, as clap answers it.
pub(super) const USAGE: u8 = 2;

pub async fn list(args: ListArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut db = args.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
    let filter = args.filter.filter(args.state);
    let letters = dead_letters::list(&mut db, &filter, args.after, args.limit).await?;
    let full = i64::try_from(letters.len()).is_ok_and(|count| count == args.limit);
    let next = letters.last().filter(|_| full).map(|last| Cursor::after(last).to_string());
    if args.json {
        let mut shown = serde_json::to_value(&letters)?;
        crate::dead_letters::mask::mask_json(&mut shown);
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

pub async fn count(args: CountArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut db = args.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
    let filter = args.filter.filter(Some(args.state));
    let counts = dead_letters::counts(&mut db, &filter, args.by, args.limit).await?;
    match (args.json, counts.is_empty()) {
        (true, _) => writeln!(out, "{}", json!({"by": args.by, "counts": counts}))?,
        (false, true) => writeln!(out, "no dead letters")?,
        (false, false) => writeln!(out, "{}", table::counts(args.by, &counts))?,
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn show(args: ShowArgs, consumers: &dyn Consumers, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let db = args.database.pool(OPERATOR)?;
    let Some(case) = Case::open(&db, args.id, consumers).await.context("the database does not answer")? else {
        bail!("there is no dead letter {}", args.id);
    };
    if args.reveal {
        let mut connection = db.acquire().await?;
        crate::dead_letters::revealed(&mut connection, &args.by.actor(), args.id).await?;
    }
    match args.json {
        true => writeln!(out, "{}", view(case, args.reveal)?)?,
        false => write!(out, "{}", page::text(case, args.reveal))?,
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn discard(args: DiscardArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut db = args.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
    let mut tx = db.begin().await?;
    let outcomes = crate::dead_letters::discard(&mut tx, &by(&args.by.actor(), &args.why), &args.ids).await?;
    tx.commit().await?;
    one_by_one(&outcomes, args.json, out)
}

pub async fn restore(args: DiscardArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut db = args.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
    let mut tx = db.begin().await?;
    let outcomes = crate::dead_letters::restore(&mut tx, &by(&args.by.actor(), &args.why), &args.ids).await?;
    tx.commit().await?;
    one_by_one(&outcomes, args.json, out)
}

/// Who acts at the command line, where no request has an id.
pub(super) fn by<'a>(actor: &'a Actor, why: &'a str) -> By<'a> {
    By { actor, why, correlation_id: None }
}

/// What became of each of the letters that were named.
fn one_by_one(outcomes: &[Outcome], as_json: bool, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    if as_json {
        writeln!(out, "{}", serde_json::to_string(outcomes)?)?;
    } else {
        for one in outcomes {
            writeln!(out, "{}  {}", one.id, one.detail)?;
        }
    }
    Ok(ExitCode::from(if outcomes.iter().all(|one| one.done) { 0 } else { INCOMPLETE }))
}

pub async fn erase(args: EraseArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut db = args.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
    let mut tx = db.begin().await?;
    let erased =
        crate::dead_letters::erase::erase_customer(&mut tx, &by(&args.by.actor(), &args.why), &args.customer).await?;
    tx.commit().await?;
    match args.json {
        true => writeln!(out, "{}", json!({"erased": erased}))?,
        false => writeln!(out, "{erased} dead letters hold no personal data of this customer any more")?,
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn groups(args: GroupsArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut db = args.database.pool(OPERATOR)?.acquire().await.context("the database does not answer")?;
    let filter = GroupFilter { state: args.state, owner: args.owner, unresolved: !args.all };
    let groups = dead_letters::groups(&mut db, &filter, args.limit).await?;
    match (args.json, groups.is_empty()) {
        (true, _) => writeln!(out, "{}", json!({"groups": groups}))?,
        (false, true) => writeln!(out, "no groups")?,
        (false, false) => writeln!(out, "{}", table::groups(&groups))?,
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn group(args: GroupArgs, consumers: &dyn Consumers, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let pool = args.database.pool(OPERATOR)?;
    let mut db = pool.acquire().await.context("the database does not answer")?;
    let given = |text: String| if text.is_empty() { None } else { Some(text) };
    let change = GroupChange { state: args.state, owner: args.owner.map(given), note: args.note.map(given) };
    if !change.is_empty() {
        let mut tx = db.begin().await?;
        crate::dead_letters::change_group(&mut tx, &args.by.actor(), args.id, &change).await?;
        tx.commit().await?;
    }
    let Some(group) = dead_letters::group(&mut db, args.id).await? else { bail!("there is no group {}", args.id) };
    let waiting = Filter { group_id: Some(group.id), state: Some(State::Unresolved), ..Filter::default() };
    let newest = dead_letters::list(&mut db, &waiting, None, 1).await?.pop();
    let newest = match newest {
        Some(newest) => dead_letters::get(&mut db, newest.id).await?,
        None => None,
    };
    drop(db);
    let newest = match newest {
        Some(letter) => Some((letter.summary.id, consumers.rehearse(&pool, letter).await)),
        None => None,
    };
    match args.json {
        true => writeln!(out, "{}", page::group_json(&group, newest.as_ref())?)?,
        false => write!(out, "{}", page::group(&group, newest.as_ref()))?,
    }
    Ok(ExitCode::SUCCESS)
}
