//! `orders status`: how the fleet is, as a page, as JSON, once or again and again. The page itself is in [`super::status_page`], the screen
//! of `--watch` in [`super::status_screen`].

use std::time::Duration;

use clap::Args;

use super::args::duration;
use super::client::Client;
use super::error::Error;
use super::output::{Output, printable};
use super::run::Outcome;
use super::status_live::show;
use super::status_page::page;
use crate::contract::status::Status;

/// Shows how the fleet is: what is wrong, processes, queues, breakers, what is stopped, outbox, stuck orders, scheduler, dead letters.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  orders status
  orders status --watch --every 5s
  orders status --json | jq -r '.problems[].detail'

The first line says `healthy`, or what is wrong. `oldest` is the longest wait that is
known: at least so long nothing was taken although something waits, or so long a message
had waited which was taken in the last seconds; `in hand` are messages taken and not yet
done, those that a breaker holds back among them.

With --watch on a terminal: 1 to 5, Tab or the arrows turn the pages, up and down, PgUp
and PgDn scroll, r looks at once, q quits. Where stdout is no terminal the pages follow
one another, with --json one document per line. An API that does not answer is said, and
asked again.

Exit codes: 0 healthy, 1 something is wrong, 3 the API cannot be reached. With --watch 0.")]
pub struct StatusArgs {
    /// Shows it again and again, until it is quit; in place on a terminal, else one page after the other.
    #[arg(long)]
    watch: bool,
    /// Pause between two looks with --watch.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2s", requires = "watch")]
    every: Duration,
}

impl StatusArgs {
    /// # Errors
    /// What the API said, in words; with --watch only what is wrong with the output.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        if !self.watch {
            let (body, status) = ask(client).await?;
            match output.json {
                true => output.line(body.trim_end())?,
                false => output.line(&page(&status, output, width(output)).join("\n"))?,
            }
            return Ok(if status.healthy { Outcome::Success } else { Outcome::Unsuccessful });
        }
        if !output.json && output.size().is_some() {
            let look = async || match ask(client).await {
                Ok((_, status)) => Ok(status),
                Err(error) => Err(error.to_string()),
            };
            show(look, self.every, output.has_colour()).await?;
            return Ok(Outcome::Success);
        }
        loop {
            match (output.json, ask(client).await) {
                (true, Ok((body, _))) => output.line(body.trim_end())?,
                (true, Err(error)) => output.document(&serde_json::json!({ "error": error.to_string() }))?,
                (false, Ok((_, status))) => output.line(&format!("{}\n", page(&status, output, None).join("\n")))?,
                (false, Err(error)) => output.line(&format!("{}\n", printable(&error.to_string())))?,
            }
            tokio::time::sleep(self.every).await;
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
