//! `orders note`: writes a note on an order, or lists what was noted.

use clap::Args;
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::list::{Paging, Rows};
use super::output::{Output, moment, printable};
use super::run::Outcome;

/// Writes a note on an order; without a text, lists the notes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  orders note 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 \"customer called: ring twice\"
  orders note 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 \"we are sorry for the delay\" --public
  orders note 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --all --json | jq -r '.notes[].text'")]
pub struct NoteArgs {
    /// The order's id, as `submit` and `list` show it.
    id: Uuid,
    /// What to write down.
    text: Option<String>,
    /// The customer may read it, too.
    #[arg(long, requires = "text")]
    public: bool,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Deserialize)]
struct Note {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    author: String,
    visibility: String,
    text: String,
}

impl NoteArgs {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let id = self.id.to_string();
        let path = ["orders", id.as_str(), "notes"];
        let Some(text) = self.text else {
            return list(&self.paging.fetch(client, &path, &[]).await?, client, output);
        };
        let visibility = if self.public { "public" } else { "internal" };
        let answer = client.post(&path, json!({"text": text, "visibility": visibility}).to_string(), None).await?;
        if output.json {
            output.line(answer.body.trim_end())?;
        } else {
            let note: Note = client.read(&answer.body)?;
            output.line(&format!("{} by {}, {}", output.good("noted"), printable(&note.author), note.visibility))?;
        }
        Ok(Outcome::Success)
    }
}

fn list(found: &Rows, client: &Client, output: Output) -> Result<Outcome, Error> {
    if output.json {
        output.document(&json!({ "notes": found.rows, "next_cursor": found.next_cursor }))?;
        return Ok(Outcome::Success);
    }
    let mut table = output.table(&["at (UTC)", "by", "for", "note"]);
    for row in &found.rows {
        let note: Note = client.read(row.get())?;
        let readers = if note.visibility == "public" { "everybody" } else { "us" };
        table.add_row([moment(note.at), printable(&note.author), readers.to_owned(), printable(&note.text)]);
    }
    if !found.rows.is_empty() {
        output.line(&table.trim_fmt())?;
    }
    found.hint(output, "note");
    Ok(Outcome::Success)
}
