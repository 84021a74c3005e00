//! `orders status`: how the fleet is, as a page, as JSON, once or again and again. The page itself is in [`super::status_page`].

use std::time::Duration;

use clap::Args;

use super::args::duration;
use super::client::Client;
use super::error::Error;
use super::grid::cut;
use super::output::{Output, printable};
use super::run::Outcome;
use super::status_page::page;
use crate::contract::status::Status;

/// ECMA-48: to the first line (CUP); erase the rest of the line (EL), of the screen (ED), the whole screen.
const HOME: &str = "\u{1b}[H";
const ERASE_LINE: &str = "\u{1b}[K";
const ERASE_BELOW: &str = "\u{1b}[J";
const ERASE_ALL: &str = "\u{1b}[2J";

/// Shows how the fleet is: what is wrong, processes, queues, breakers, outbox, stuck orders, scheduler, dead letters.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  orders status
  orders status --watch --interval 5s
  orders status --json | jq -r '.problems[].detail'

The first line says `healthy`, or what is wrong. `oldest` is the longest time that a
message had waited which was taken in the last seconds; `in hand` are messages taken
and not yet done, those that a breaker holds back among them.

Exit codes: 0 healthy, 1 something is wrong, 3 the API cannot be reached.")]
pub struct StatusArgs {
    /// Shows it again and again, until it is interrupted; in place on a terminal, else one block below the other.
    #[arg(long)]
    watch: bool,
    /// Pause between two looks with --watch.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2s", requires = "watch")]
    interval: Duration,
}

impl StatusArgs {
    /// # Errors
    /// What the API said, in words. With --watch only when it never answered: one that restarts comes back.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let (body, status) = ask(client).await?;
        if !self.watch {
            match output.json {
                true => output.line(body.trim_end())?,
                false => output.line(&page(&status, output, width(output)).join("\n"))?,
            }
            return Ok(if status.healthy { Outcome::Success } else { Outcome::Unsuccessful });
        }
        let live = !output.json && output.size().is_some();
        if live {
            output.bytes(ERASE_ALL.as_bytes())?;
        }
        let mut looked: Result<(String, Status), String> = Ok((body, status));
        loop {
            match (output.json, &looked) {
                (true, Ok((body, _))) => output.line(body.trim_end())?,
                (true, Err(error)) => output.document(&serde_json::json!({ "error": error }))?,
                (false, Ok((_, status))) => show(&page(status, output, width(output)), output, live)?,
                (false, Err(error)) => show(&[output.bad(&printable(error))], output, live)?,
            }
            tokio::time::sleep(self.interval).await;
            looked = ask(client).await.map_err(|error| error.to_string());
        }
    }
}

async fn ask(client: &Client) -> Result<(String, Status), Error> {
    let body = client.get(&["status"], &[]).await?;
    let status = client.read(&body)?;
    Ok((body, status))
}

fn width(output: Output) -> Option<usize> {
    output.size().map(|(columns, _)| columns)
}

/// In place: from the first line, each erased to its end, and what an earlier, longer page left below. As much as fits: what
/// scrolls off the top would be the most important line.
fn show(lines: &[String], output: Output, live: bool) -> Result<(), Error> {
    let Some((columns, height)) = output.size().filter(|_| live) else {
        return output.line(&format!("{}\n", lines.join("\n")));
    };
    let room = height.saturating_sub(1).max(1);
    let mut screen = HOME.to_owned();
    let fits = if lines.len() > room { room.saturating_sub(1) } else { lines.len() };
    for line in &lines[..fits] {
        screen.push_str(&format!("{line}{ERASE_LINE}\n"));
    }
    if fits < lines.len() {
        let more = cut(&format!("{} more lines: a taller window, or without --watch", lines.len() - fits), columns);
        screen.push_str(&format!("{}{ERASE_LINE}\n", output.dim(&more)));
    }
    screen.push_str(ERASE_BELOW);
    output.bytes(screen.as_bytes())
}
