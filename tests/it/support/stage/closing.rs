//! The end of a test: everybody stops in good order, nothing is left in any queue, and the books are right.

use std::time::Duration;

use order_fleet::topology::WorkQueue;
use tokio::time::Instant;

use super::{Role, Stage};
use crate::support::eventually;

/// Each round gets something done, and on a busy machine not much.
const PATIENCE: Duration = Duration::from_secs(60);

impl Stage {
    /// Fails when a message is left where somebody should have taken it, when a dead letter was not expected (tests take those
    /// they expect), or when the ledger does not explain the stock.
    pub async fn finish(mut self) {
        self.stop_all().await;
        let dead = self.client.drain("dead_letters").await;
        let told = |dead: &crate::support::amqp::Found| (dead.header("fleet-reason"), dead.header("fleet-error"));
        assert!(dead.is_empty(), "unexpected dead letters: {:?}", dead.iter().map(told).collect::<Vec<_>>());
        self.balance().await;
        self.finished = true;
    }

    /// Waits for something that no queue shows (it waits in a service or in the ladder), then finishes.
    pub async fn finish_after(self, step: &str, mut happened: impl AsyncFnMut(&Self) -> Option<()>) {
        eventually(step, async || happened(&self).await).await;
        self.finish().await;
    }

    /// Waits until nothing more will happen by itself: every queue that somebody empties is empty, work in hand included.
    pub async fn settle(&mut self) {
        let roles = self.stop_all().await;
        self.start(&roles).await;
    }

    /// Stops everybody when all is done. A message may be on its way from one to the next just then, where no queue shows it: it
    /// is found when everybody has stopped, and everybody starts again for it.
    async fn stop_all(&mut self) -> Vec<Role> {
        let queues = self.queues_to_empty();
        let roles: Vec<Role> = self.processes.iter().map(|process| process.role).collect();
        let deadline = Instant::now() + PATIENCE;
        let mut left = Vec::new();
        while Instant::now() < deadline {
            self.nothing_in(&queues).await;
            for process in std::mem::take(&mut self.processes) {
                process.stop().await;
            }
            left = vec![("the outbox", self.database.number("select count(*) from outbox").await)];
            for queue in &queues {
                left.push((queue, i64::from(self.client.depth(queue).await)));
            }
            left.retain(|(_, count)| *count > 0);
            if left.is_empty() {
                return roles;
            }
            self.start(&roles).await;
        }
        panic!("there is still something to do after {PATIENCE:?}: {left:?}");
    }

    fn queues_to_empty(&self) -> Vec<String> {
        let consumed = self.consumed();
        let emptied = WorkQueue::ALL.into_iter().filter(|queue| consumed.contains(&queue.name()));
        emptied.flat_map(|queue| queue.ladder().chain([queue.name().to_owned()])).collect()
    }

    async fn nothing_in(&self, queues: &[String]) {
        eventually("the outbox is empty", async || {
            (self.database.number("select count(*) from outbox").await == 0).then_some(())
        })
        .await;
        for queue in queues {
            eventually(&format!("{queue} is empty"), async || (self.client.depth(queue).await == 0).then_some(()))
                .await;
        }
    }

    async fn balance(&self) {
        let wrong: Vec<String> = sqlx::query_scalar(
            "select s.sku from stock s left join lateral (
                 select coalesce(sum(quantity) filter (where kind in ('initial', 'adjust')), 0) as came,
                        coalesce(sum(quantity) filter (where kind = 'commit'), 0)
                          - coalesce(sum(quantity) filter (where kind = 'return'), 0) as sold,
                        coalesce(sum(quantity) filter (where kind = 'reserve'), 0)
                          - coalesce(sum(quantity) filter (where kind in ('release', 'commit')), 0) as promised
                 from stock_movements m where m.sku = s.sku) m on true
             where s.on_hand <> m.came - m.sold or s.reserved <> m.promised",
        )
        .fetch_all(&self.database.pool)
        .await
        .expect("the books");
        assert!(wrong.is_empty(), "the ledger does not explain the stock of {wrong:?}");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "a test ends with Stage::finish");
    }
}
