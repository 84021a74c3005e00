//! The verb `edit`: mends one letter in an editor, or any number by values or a patch; shows what would change before it is stored.

use std::io::{Read, Write};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use json_patch::Patch;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::args::EditArgs;
use super::ask::{Answer, ask};
use super::page::changes;
use super::verbs::{INCOMPLETE, OPERATOR, USAGE};
use crate::dead_letters::consumers::{Consumers, Verdict};
use crate::dead_letters::mask::mask_text;
use crate::dead_letters::repair::{Repair, Tried, Unrepairable, repair, set, try_out};
use crate::store::dead_letters::{self as store, DeadLetter};

/// Most letters of one edit.
const MOST: i64 = 100_000;
/// So many are shown with their changes; of the others there are only numbers.
const SHOWN: usize = 5;

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
        preview.print(args.json, out)?;
    }
    if args.chosen.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    if preview.changed == 0 {
        writeln!(out, "nothing to change")?;
        return Ok(ExitCode::from(if preview.impossible.is_empty() { 0 } else { INCOMPLETE }));
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
    let (mut edited, mut refused) = (0, Vec::new());
    for id in &ids {
        match repair(&db, &args.by.actor(), *id, &wanted, &args.why, consumers).await {
            Ok(tried) if tried.changes_nothing() => {}
            Ok(_) => edited += 1,
            Err(Unrepairable::Database(error)) => return Err(error.into()),
            Err(error) => refused.push((*id, error.to_string())),
        }
    }
    match args.json {
        true => writeln!(out, "{}", json!({"edited": edited, "refused": refused}))?,
        false => {
            for (id, why) in &refused {
                writeln!(out, "{id}  not edited: {}", mask_text(why))?;
            }
            writeln!(out, "{edited} edited; replay them when you are ready")?;
        }
    }
    Ok(ExitCode::from(if refused.is_empty() { 0 } else { INCOMPLETE }))
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

/// What an edit would come to.
#[derive(Default)]
struct Preview {
    changed: usize,
    unchanged: usize,
    /// Would still fail when replayed.
    failing: usize,
    impossible: Vec<(Uuid, String)>,
    shown: Vec<Tried>,
}

async fn preview(db: &PgPool, ids: &[Uuid], wanted: &Repair, consumers: &dyn Consumers) -> anyhow::Result<Preview> {
    let mut preview = Preview::default();
    for chunk in ids.chunks(100) {
        let mut connection = db.acquire().await?;
        let letters = store::whole(&mut connection, chunk).await?;
        drop(connection);
        for letter in letters {
            let id = letter.summary.id;
            match try_out(db, letter, wanted, consumers).await {
                Ok(tried) if tried.changes_nothing() => preview.unchanged += 1,
                Ok(tried) => {
                    if let Verdict::Fail { error, is_unreadable } = &tried.verdict {
                        match is_unreadable {
                            true => {
                                preview.impossible.push((id, format!("its consumer could still not read it: {error}")));
                                continue;
                            }
                            false => preview.failing += 1,
                        }
                    }
                    preview.changed += 1;
                    if preview.shown.len() < SHOWN {
                        preview.shown.push(tried);
                    }
                }
                Err(Unrepairable::Database(error)) => return Err(error.into()),
                Err(error) => preview.impossible.push((id, error.to_string())),
            }
        }
    }
    Ok(preview)
}

impl Preview {
    fn print(&self, as_json: bool, out: &mut impl Write) -> anyhow::Result<()> {
        if as_json {
            let shown: Vec<Value> = self
                .shown
                .iter()
                .map(|tried| json!({"id": tried.letter.summary.id, "changes": tried.changes, "if_replayed_now": tried.verdict}))
                .collect();
            let document = json!({"changed": self.changed, "unchanged": self.unchanged, "would_fail_again": self.failing,
                "impossible": self.impossible, "first": shown});
            writeln!(out, "{document}")?;
            return Ok(());
        }
        for tried in &self.shown {
            writeln!(out, "{}", tried.letter.summary.id)?;
            write!(out, "{}", changes(&serde_json::to_value(&tried.changes)?, &mask_text))?;
            writeln!(out, "  then {}", mask_text(&tried.verdict.to_string()))?;
        }
        if self.changed > self.shown.len() {
            writeln!(out, "… and {} more", self.changed - self.shown.len())?;
        }
        for (id, why) in self.impossible.iter().take(SHOWN) {
            writeln!(out, "{id}  cannot be edited so: {}", mask_text(why))?;
        }
        writeln!(
            out,
            "{} to change ({} of them would still fail), {} unchanged, {} not possible",
            self.changed,
            self.failing,
            self.unchanged,
            self.impossible.len()
        )?;
        Ok(())
    }
}
