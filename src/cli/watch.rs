//! `orders watch` and `submit --watch`: follows orders until each is final, and tells by its exit code how they ended.

use std::collections::HashSet;
use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use futures_util::stream::{self, StreamExt};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::client::Client;
use super::error::{Error, count};
use super::follow_customer::FollowCustomer;
use super::get::OrderPage;
use super::live::{self, Ended};
use super::output::{Output, printable};
use super::run::Outcome;
use crate::domain::OrderStatus;

/// Longer than the whole retry ladder (5 s, 30 s, 120 s) and the work between its rungs.
const PATIENCE: Duration = Duration::from_secs(300);
/// A healthy order takes some 100 ms; one that waits in the retry ladder is not asked for more than once per second.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Requests in flight.
const CONCURRENCY: usize = 8;
/// Orders that are followed by streams; more are asked for, a few at a time.
const MOST_STREAMS: usize = 16;

/// Follows orders until each is confirmed, shipped, delivered, failed or cancelled; or all orders of a customer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  orders watch 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001
  orders watch --customer cust-7
  orders watch --timeout 30s 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001
  orders list --status processing --json | jq -r '.orders[].id' | xargs orders watch

Exits with 0 when all are confirmed, shipped or delivered; with 1 when one failed
or was cancelled, or when the time is up. With --customer it goes on until it is
interrupted, or exits with 0 when the time is up.")]
pub struct Watch {
    /// Ids of the orders.
    #[arg(required_unless_present = "customer", conflicts_with = "customer", value_name = "ID")]
    ids: Vec<Uuid>,
    #[command(flatten)]
    customer: FollowCustomer,
}

/// What it means that the API does not know an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    IsAnError,
    /// It was published to the broker and gets its row when the processor takes it.
    IsStillOnItsWay,
}

impl Watch {
    /// # Errors
    /// As [`follow`].
    pub async fn run(self, client: &Client, output: Output, timeout: Option<Duration>) -> Result<Outcome, Error> {
        if let Some(customer) = &self.customer.customer {
            return self.customer.run(client, output, customer, timeout).await;
        }
        let mut seen = HashSet::new();
        let ids: Vec<Uuid> = self.ids.into_iter().filter(|id| seen.insert(*id)).collect();
        follow(client, output, &ids, timeout, Unknown::IsAnError).await
    }
}

/// Follows the orders' streams until every order is final; where there are none, polls with a growing interval.
///
/// # Errors
/// [`Error::Unsuccessful`] when the time is up; an API that goes away is waited for until then, one that was never there is not.
pub async fn follow(
    client: &Client,
    output: Output,
    ids: &[Uuid],
    timeout: Option<Duration>,
    unknown: Unknown,
) -> Result<Outcome, Error> {
    let patience = timeout.unwrap_or(PATIENCE);
    let deadline = Instant::now() + patience;
    let mut board = Board::new(output, ids);
    let mut pause = SHORTEST_PAUSE;
    let mut answered = false;
    let mut streams = ids.len() <= MOST_STREAMS;
    loop {
        let round = tokio::time::timeout_at(deadline, async {
            if streams {
                let told = stream(client, &mut board).await?;
                (streams, answered) = (told.offered, answered || told.something);
                if streams && answered {
                    // lost for the moment: it goes on where it was
                    return Ok(());
                }
            }
            poll(client, &mut board).await
        });
        let round = round.await;
        match round {
            Ok(Ok(())) => answered = true,
            Ok(Err(Error::Refused(problem))) if problem.status == 404 && unknown == Unknown::IsStillOnItsWay => {
                answered = true;
            }
            // An API that restarts comes back; one that was never there is a wrong address.
            Ok(Err(Error::Unreachable { .. })) if answered => {}
            Ok(Err(Error::Refused(problem))) if problem.retry().is_some() => answered = true,
            Ok(Err(error)) => {
                board.leave();
                return Err(error);
            }
            Err(_elapsed) => {}
        }
        if board.open() == 0 {
            board.leave();
            return Ok(board.outcome());
        }
        if Instant::now() + pause >= deadline {
            tokio::time::sleep_until(deadline).await;
            board.leave();
            let (open, all) = (board.open(), count(ids.len(), "order"));
            let waited = patience.as_secs_f32();
            return Err(Error::Unsuccessful(format!(
                "{open} of {all} not final after {waited} s: look with `orders get ID --timeline` or raise --timeout"
            )));
        }
        tokio::time::sleep(pause).await;
        pause = pause.mul_f32(1.3).min(LONGEST_PAUSE);
    }
}

/// How following the streams ended.
struct Told {
    /// Whether at least one transition came.
    something: bool,
    /// Whether it is worth trying again.
    offered: bool,
}

/// Follows the streams of every open order until all are final or one stream ends.
async fn stream(client: &Client, board: &mut Board) -> Result<Told, Error> {
    let open = board.lines.iter().filter(|line| !line.is_final());
    let mut streams = stream::select_all(open.map(|line| live::transitions(client, line.id, line.after)));
    let mut told = Told { something: false, offered: true };
    while board.open() > 0 {
        match streams.next().await {
            Some(Ok(transition)) => {
                told.something = true;
                let id = transition.order_id.0;
                if transition.status.is_settled() {
                    // the page has the reason's code
                    let body = client.get(&["orders", &id.to_string()], &[]).await?;
                    board.show(id, &client.read::<OrderPage>(&body)?)?;
                } else {
                    board.show_state(id, transition.status, transition.step.as_deref(), None)?;
                }
                board.stands_at(id, transition.id);
            }
            Some(Err(Ended::Lost)) | None => return Ok(told),
            // asking tells why
            Some(Err(Ended::NotOffered | Ended::Refused(_))) => return Ok(Told { offered: false, ..told }),
        }
    }
    Ok(told)
}

/// Asks for every open order once. All are asked before the first error is reported.
async fn poll(client: &Client, board: &mut Board) -> Result<(), Error> {
    let open: Vec<Uuid> = board.lines.iter().filter(|line| !line.is_final()).map(|line| line.id).collect();
    let mut answers = stream::iter(open)
        .map(|id| async move {
            let body = client.get(&["orders", &id.to_string()], &[]).await?;
            Ok::<_, Error>((id, client.read::<OrderPage>(&body)?))
        })
        .buffer_unordered(CONCURRENCY);
    let mut first_error = None;
    while let Some(answer) = answers.next().await {
        match answer {
            Ok((id, page)) => board.show(id, &page)?,
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    first_error.map_or(Ok(()), Err)
}

/// One line per order: redrawn in place on a terminal, else written again whenever it changes.
struct Board {
    output: Output,
    lines: Vec<Line>,
    live: bool,
}

struct Line {
    id: Uuid,
    status: Option<OrderStatus>,
    /// Id of the last transition that a stream told.
    after: i64,
    shown: String,
    bar: ProgressBar,
}

impl Line {
    fn is_final(&self) -> bool {
        self.status.is_some_and(OrderStatus::is_settled)
    }
}

impl Board {
    fn new(output: Output, ids: &[Uuid]) -> Self {
        let live = !output.json && std::io::stdout().is_terminal();
        let target = if live { ProgressDrawTarget::stdout() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        let style =
            ProgressStyle::with_template("{spinner} {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let lines = ids
            .iter()
            .map(|id| {
                let bar = bars.add(ProgressBar::new_spinner().with_style(style.clone()));
                if live {
                    bar.enable_steady_tick(Duration::from_millis(100));
                    bar.set_message(id.to_string());
                }
                Line { id: *id, status: None, after: 0, shown: String::new(), bar }
            })
            .collect();
        Self { output, lines, live }
    }

    fn show(&mut self, id: Uuid, page: &OrderPage) -> Result<(), Error> {
        let step = page.saga.as_ref().map(|saga| saga.step.as_str());
        self.show_state(id, page.order.status, step, page.order.reason.as_deref())
    }

    /// A stream that goes on later goes on after this transition.
    fn stands_at(&mut self, id: Uuid, transition: i64) {
        self.lines.iter_mut().filter(|line| line.id == id).for_each(|line| line.after = transition);
    }

    fn show_state(
        &mut self,
        id: Uuid,
        status: OrderStatus,
        step: Option<&str>,
        reason: Option<&str>,
    ) -> Result<(), Error> {
        let (output, live) = (self.output, self.live);
        let Some(line) = self.lines.iter_mut().find(|line| line.id == id) else { return Ok(()) };
        line.status = Some(status);
        let step = step.filter(|_| !line.is_final()).map(printable);
        let reason = reason.map(printable);
        let text = if output.json {
            json!({"id": id, "status": status, "step": step, "reason": reason, "final": line.is_final()}).to_string()
        } else {
            let padding = " ".repeat(10_usize.saturating_sub(status.as_str().len()));
            let detail = output.dim(&reason.or(step).unwrap_or_default());
            format!("{id}  {}{padding}  {detail}", output.status(status)).trim_end().to_owned()
        };
        if text != line.shown {
            if live {
                line.bar.set_message(text.clone());
            } else {
                output.line(&text)?;
            }
            line.shown = text;
        }
        if live && line.is_final() {
            line.bar.finish();
        }
        Ok(())
    }

    fn open(&self) -> usize {
        self.lines.iter().filter(|line| !line.is_final()).count()
    }

    fn outcome(&self) -> Outcome {
        let went_well = |line: &Line| match line.status {
            Some(OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered) => true,
            Some(OrderStatus::Pending | OrderStatus::Processing | OrderStatus::Failed | OrderStatus::Cancelled)
            | None => false,
        };
        if self.lines.iter().all(went_well) { Outcome::Success } else { Outcome::Unsuccessful }
    }

    /// Leaves the lines as they are, below whatever comes next.
    fn leave(&self) {
        for line in &self.lines {
            line.bar.abandon();
        }
    }
}
