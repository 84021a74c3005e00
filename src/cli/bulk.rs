//! `orders submit --jsonl`: many orders, a verdict per row, safe to run again. Called by [`super::submit`].

use std::fmt;
use std::io::{BufRead, BufReader, IsTerminal};
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use super::client::Client;
use super::error::{Error, count};
use super::output::{Output, printable};
use super::rows::{self, Row, unreadable};
use super::run::Outcome;
use crate::contract::FieldError;
use crate::contract::order::read_object;
use crate::domain::Order;

/// How hard to push.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Rows in flight.
    pub concurrency: usize,
    /// Further tries per row.
    pub retries: usize,
}

/// What became of one row.
#[derive(Debug, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
enum Verdict {
    Accepted { order_id: String, replayed: bool },
    Refused { detail: String, errors: Vec<FieldError> },
    Failed { detail: String },
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    rows: usize,
    accepted: usize,
    /// Of the accepted: had been accepted in an earlier run.
    replayed: usize,
    refused: usize,
    failed: usize,
}

/// Submits every row, writing verdicts in the order of the rows.
///
/// # Errors
/// [`Error::Input`] when the source cannot be read; [`Error::Unreachable`] ends the run: what follows was not sent.
pub async fn submit(client: &Client, output: Output, source: &str, batch: &str, pace: Pace) -> Result<Outcome, Error> {
    let rows = rows::read(source, batch)?;
    let bar = progress(source)?;
    let rows = stream::unfold(rows, |mut rows| async move { rows.recv().await.map(|row| (row, rows)) });
    let mut verdicts = pin!(
        rows.map(|row| async move {
            let row = row?;
            let verdict = judge(client, &row, pace.retries).await?;
            Ok::<_, Error>((row.line, verdict))
        })
        .buffered(pace.concurrency)
    );
    let mut summary = Summary::default();
    while let Some(next) = verdicts.next().await {
        let (line, verdict) = match next {
            Ok(judged) => judged,
            Err(error) => {
                bar.finish_and_clear();
                output.hint(&format!("stopped after {summary}; run it again to go on, nothing is ordered twice"));
                return Err(error);
            }
        };
        summary.add(&verdict);
        bar.inc(1);
        bar.suspend(|| write_verdict(output, line, &verdict))?;
    }
    bar.finish_and_clear();
    if output.json {
        output.document(&json!({ "summary": summary }))?;
    } else {
        output.hint(&summary.to_string());
    }
    Ok(if summary.accepted == summary.rows { Outcome::Success } else { Outcome::Unsuccessful })
}

/// Sends one row. Only what concerns every row, such as an API that is gone, is an error.
async fn judge(client: &Client, row: &Row, retries: usize) -> Result<Verdict, Error> {
    if let Err(error) = read_object(&row.content) {
        return Ok(Verdict::Refused { detail: error.to_string(), errors: Vec::new() });
    }
    let body = String::from_utf8_lossy(&row.content);
    match client.post_with_retries(&["orders"], &body, &row.key, retries).await {
        Ok(answer) => {
            let order: Order = client.read(&answer.body)?;
            Ok(Verdict::Accepted { order_id: order.id.to_string(), replayed: answer.replayed })
        }
        Err(Error::Refused(problem)) if matches!(problem.status, 400..=499) && problem.status != 429 => {
            let detail = if problem.errors.is_empty() { problem.to_string() } else { problem.detail };
            Ok(Verdict::Refused { detail, errors: problem.errors })
        }
        Err(Error::Refused(problem)) => Ok(Verdict::Failed { detail: problem.to_string() }),
        Err(error) => Err(error),
    }
}

fn write_verdict(output: Output, line: usize, verdict: &Verdict) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Judged<'a> {
        line: usize,
        #[serde(flatten)]
        verdict: &'a Verdict,
    }
    if output.json {
        return output.document(&Judged { line, verdict });
    }
    let (word, text) = match verdict {
        Verdict::Accepted { order_id, replayed: false } => (output.good("accepted"), order_id.clone()),
        Verdict::Accepted { order_id, replayed: true } => {
            (output.good("accepted"), format!("{order_id} {}", output.dim("(in an earlier run)")))
        }
        Verdict::Refused { detail, errors } if errors.is_empty() => (output.bad("refused "), printable(detail)),
        Verdict::Refused { errors, .. } => {
            let faults: Vec<String> = errors.iter().map(|fault| printable(&fault.to_string())).collect();
            (output.bad("refused "), faults.join("; "))
        }
        Verdict::Failed { detail } => (output.bad("failed  "), printable(detail)),
    };
    output.line(&format!("line {line:<5} {word}  {text}"))
}

/// A bar only where somebody can see it; its length only where the input can be read twice.
fn progress(source: &str) -> Result<ProgressBar, Error> {
    if !std::io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let is_file = std::fs::metadata(source).is_ok_and(|metadata| metadata.is_file());
    let bar = if source != "-" && is_file {
        let file = std::fs::File::open(source).map_err(|error| unreadable(source, &error))?;
        let filled =
            BufReader::new(file).split(b'\n').map_while(Result::ok).filter(|line| !line.trim_ascii().is_empty());
        let template = "{bar:30} {pos}/{len} rows  {per_sec}  {eta} left";
        ProgressBar::new(filled.count() as u64).with_style(style(template))
    } else {
        ProgressBar::new_spinner().with_style(style("{spinner} {pos} rows  {per_sec}"))
    };
    bar.enable_steady_tick(Duration::from_millis(100));
    Ok(bar)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Summary {
    fn add(&mut self, verdict: &Verdict) {
        self.rows += 1;
        match verdict {
            Verdict::Accepted { replayed, .. } => {
                self.accepted += 1;
                self.replayed += usize::from(*replayed);
            }
            Verdict::Refused { .. } => self.refused += 1,
            Verdict::Failed { .. } => self.failed += 1,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} accepted", count(self.rows, "row"), self.accepted)?;
        if self.replayed > 0 {
            write!(f, " ({} of them in an earlier run)", self.replayed)?;
        }
        write!(f, ", {} refused, {} failed", self.refused, self.failed)
    }
}
