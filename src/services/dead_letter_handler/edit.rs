//! The verb `edit`: mends one letter in an editor, or any number by values or a patch; shows what would change before it is stored.

use std::io::{Read, Write};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use json_patch::Patch;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use super::args::EditArgs;
use super::ask::{Answer, ask};
use super::page::changes;
use super::verbs::{INCOMPLETE, OPERATOR, USAGE};
use crate::dead_letters::consumers::Consumers;
use crate::dead_letters::mask::mask_text;
use crate::dead_letters::repair::{Repair, set};
use crate::dead_letters::repair_many::{Preview, SHOWN, preview, repair_many};
use crate::store::dead_letters::{self as store, DeadLetter};

/// Most letters of one edit.
const MOST: i64 = 100_000;

pub async fn edit(args: EditArgs, consumers: &dyn Consumers, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let chosen = match args.chosen.read() {
        Ok(chosen) => chosen,
        Err(wrong) => {
            eprintln!("dead-letter-handler: {wrong}");
            return Ok(ExitCode::from(USAGE));
        }
    };
    let db = args.database.pool(OPERATOR)?;
    let mut connection = db.acquire().await.context("the database does not answer")?;
    let ids = store::sample(&mut connection, &chosen.selection(), MOST).await?;
    drop(connection);
    let Some(wanted) = wanted(&args, &db, &ids).await? else {
        eprintln!(
            "dead-letter-handler: say what to change with --set or --patch; only one letter can be edited in $EDITOR"
        );
        return Ok(ExitCode::from(USAGE));
    };
    let preview = preview(&db, &ids, &wanted, consumers).await?;
    if !args.json || args.chosen.dry_run {
        show(&preview, args.json, out)?;
    }
    if args.chosen.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    if preview.changed == 0 {
        writeln!(out, "nothing to change")?;
        return Ok(ExitCode::from(if preview.refused.is_empty() { 0 } else { INCOMPLETE }));
    }
    if !args.chosen.yes {
        match ask("Store the changes?", args.json, out)? {
            Answer::Yes => {}
            Answer::Nobody => return Ok(ExitCode::from(USAGE)),
            Answer::No => {
                writeln!(out, "nothing was changed")?;
                return Ok(ExitCode::from(INCOMPLETE));
            }
        }
    }
    let done = repair_many(&db, &args.by.actor(), &ids, &wanted, &args.why, consumers).await?;
    match args.json {
        true => writeln!(out, "{}", serde_json::to_string(&done)?)?,
        false => {
            for one in &done.refused {
                writeln!(out, "{}  not edited: {}", one.id, one.detail)?;
            }
            writeln!(out, "{} edited; replay them when you are ready", done.edited)?;
        }
    }
    Ok(ExitCode::from(if done.refused.is_empty() { 0 } else { INCOMPLETE }))
}

/// The change that is asked for. `None`: nobody has said which.
async fn wanted(args: &EditArgs, db: &PgPool, ids: &[Uuid]) -> anyhow::Result<Option<Repair>> {
    if let Some(file) = &args.patch {
        let mut text = String::new();
        match file.as_str() {
            "-" => std::io::stdin().read_to_string(&mut text).map(drop),
            path => std::fs::read_to_string(path).map(|read| text = read),
        }
        .with_context(|| format!("{file} cannot be read"))?;
        let patch: Patch =
            serde_json::from_str(&text).with_context(|| format!("{file} is no JSON Patch (RFC 6902)"))?;
        return Ok(Some(Repair::Patch(patch)));
    }
    if !args.set.is_empty() {
        let operations = args.set.iter().map(|text| set(text).map_err(|why| anyhow::anyhow!("--set {text}: {why}")));
        return Ok(Some(Repair::Patch(Patch(operations.collect::<anyhow::Result<_>>()?))));
    }
    let [id] = ids else { return Ok(None) };
    let mut connection = db.acquire().await?;
    let Some(letter) = store::get(&mut connection, *id).await? else { bail!("there is no dead letter {id}") };
    in_editor(&args.editor, &letter).map(|body| Some(Repair::Body(body)))
}

/// Opens the letter's body in an editor.
fn in_editor(editor: &str, letter: &DeadLetter) -> anyhow::Result<Value> {
    // only its owner can read it: the body is shown as it is
    let file = tempfile::Builder::new().prefix("dead-letter-").suffix(".json").tempfile()?;
    let text = match serde_json::from_slice::<Value>(&letter.payload) {
        Ok(body) => format!("{body:#}\n"),
        Err(_) => String::from_utf8_lossy(&letter.payload).into_owned(),
    };
    std::fs::write(file.path(), text)?;
    // an editor may bring its own options, as in "code --wait"
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let ended = Command::new(program).args(words).arg(file.path()).status();
    if !ended.with_context(|| format!("the editor {program} does not start"))?.success() {
        bail!("the editor ended with an error; nothing was changed");
    }
    serde_json::from_str(&std::fs::read_to_string(file.path())?)
        .context("what you wrote is no JSON; nothing was changed")
}

fn show(preview: &Preview, as_json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if as_json {
        writeln!(out, "{}", serde_json::to_string(preview)?)?;
        return Ok(());
    }
    for letter in &preview.first {
        writeln!(out, "{}", letter.id)?;
        write!(out, "{}", changes(&letter.changes, &mask_text))?;
        writeln!(out, "  then {}", letter.if_replayed_then)?;
    }
    if preview.changed > preview.first.len() {
        writeln!(out, "… and {} more", preview.changed - preview.first.len())?;
    }
    for one in preview.refused.iter().take(SHOWN) {
        writeln!(out, "{}  cannot be edited so: {}", one.id, one.detail)?;
    }
    let verdicts: Vec<String> =
        preview.if_replayed_then.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    let then = if verdicts.is_empty() { String::new() } else { format!(" ({})", verdicts.join(", ")) };
    writeln!(
        out,
        "{} to change{then}, {} unchanged, {} not possible",
        preview.changed,
        preview.unchanged,
        preview.refused.len()
    )?;
    Ok(())
}
