//! The orders on their way, live: a block that is redrawn on a terminal, else a line whenever something has changed. Called by
//! [`super::run`].

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::orders::ALL;
use super::screen::{Screen, seconds};
use super::shop::Shop;
use crate::domain::{Order, OrderId, OrderStatus};
use crate::topology::{TopologyArgs, WorkQueue};

/// The retried order needs 35 s on the ladder; the rest is for a busy machine.
const DEADLINE: Duration = Duration::from_secs(75);
const PAUSE: Duration = Duration::from_millis(200);
/// Without a terminal: at most a line in this time.
const BETWEEN_LINES: Duration = Duration::from_secs(2);
/// Columns of the longest bar.
const BAR: usize = 40;
/// What is worth a row of the block.
const SHOWN: [OrderStatus; 4] =
    [OrderStatus::Confirmed, OrderStatus::Failed, OrderStatus::Processing, OrderStatus::Pending];

/// Shows the orders until every one that was sent is settled, or the deadline passes; who judges them sees the difference.
///
/// # Errors
/// When the API does not answer.
pub async fn watch(shop: &Shop, screen: &Screen, retried: OrderId) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut board = Board::new(screen);
    let mut ladder = Ladder { retries: 0, since: started };
    while started.elapsed() < DEADLINE {
        let counts = counts(&shop.orders().await?);
        ladder.update(shop.payment_retries().await?);
        let page = shop.order(retried).await?;
        board.show(&counts, &ladder.describe(&page));
        let settled: usize = counts.iter().filter(|(status, _)| status.is_settled()).map(|(_, count)| count).sum();
        if settled >= ALL {
            break;
        }
        sleep(PAUSE).await;
    }
    board.leave();
    Ok(())
}

pub fn counts(orders: &[Order]) -> BTreeMap<OrderStatus, usize> {
    orders.iter().fold(BTreeMap::new(), |mut counts, order| {
        *counts.entry(order.status).or_default() += 1;
        counts
    })
}

/// Where the payment of the retried order is, and since when.
struct Ladder {
    retries: usize,
    since: Instant,
}

impl Ladder {
    fn update(&mut self, retries: usize) {
        if retries != self.retries {
            (self.retries, self.since) = (retries, Instant::now());
        }
    }

    fn describe(&self, page: &Value) -> String {
        let attempts = WorkQueue::RUNGS + 1;
        let status = page["status"].as_str().unwrap_or_default();
        let Some(step) = page.pointer("/saga/step").and_then(Value::as_str) else {
            return format!("{status}, attempt {} of {attempts}", self.retries + 1);
        };
        let waits =
            self.retries.checked_sub(1).and_then(|rung| TopologyArgs::default().retry_delays.get(rung).copied());
        match waits {
            None => format!("{step}, attempt 1 of {attempts}"),
            Some(delay) => {
                let left = delay.saturating_sub(self.since.elapsed()).as_secs_f32().ceil();
                let (next, delay) = (self.retries + 1, delay.as_secs());
                format!("{step}, waits {delay} s for attempt {next} of {attempts}: {left:.0} s left")
            }
        }
    }
}

struct Board<'a> {
    screen: &'a Screen,
    rows: Vec<(OrderStatus, ProgressBar)>,
    retried: ProgressBar,
    said: String,
    said_at: Instant,
    started: Instant,
}

impl<'a> Board<'a> {
    fn new(screen: &'a Screen) -> Self {
        let line = || screen.spare_line("    {msg}");
        let rows = SHOWN.into_iter().map(|status| (status, line())).collect();
        let now = Instant::now();
        let said_at = now.checked_sub(BETWEEN_LINES).unwrap_or(now);
        Self { screen, rows, retried: line(), said: String::new(), said_at, started: now }
    }

    fn show(&mut self, counts: &BTreeMap<OrderStatus, usize>, retried: &str) {
        if !self.screen.is_live() {
            return self.say(counts, retried);
        }
        for (status, row) in &self.rows {
            let count = counts.get(status).copied().unwrap_or_default();
            let bar = "█".repeat((count * BAR).div_ceil(ALL));
            let bar = match status {
                OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered => self.screen.good(&bar),
                OrderStatus::Failed | OrderStatus::Cancelled => self.screen.bad(&bar),
                OrderStatus::Pending | OrderStatus::Processing => self.screen.busy(&bar),
            };
            row.set_message(format!("{:<11} {count:>3}  {bar}", status.as_str()));
        }
        self.retried.set_message(format!("{:<11}      {retried}", "retried"));
    }

    fn say(&mut self, counts: &BTreeMap<OrderStatus, usize>, retried: &str) {
        // The seconds left change always: that alone is not news.
        let news = format!("{counts:?}{}", retried.split(':').next().unwrap_or_default());
        if news == self.said || self.said_at.elapsed() < BETWEEN_LINES {
            return;
        }
        (self.said, self.said_at) = (news, Instant::now());
        let counts: Vec<String> = counts.iter().map(|(status, count)| format!("{count} {status}")).collect();
        let time = seconds(self.started.elapsed());
        self.screen.line(&format!("    {time:>7}  {}; retried order: {retried}", counts.join(", ")));
    }

    /// The tables that follow say the same better.
    fn leave(&self) {
        for (_, row) in &self.rows {
            row.finish_and_clear();
        }
        self.retried.finish_and_clear();
    }
}
