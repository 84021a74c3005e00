//! What operators have stopped, as this process knows it: at most a second old. A paused consumer finishes what it has in hand and
//! takes nothing; messages of an order that must wait are parked.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::fault::Fault;
use super::session::{Prepared, Ready, Session, Taken};
use super::{Failure, Handler, Source};
use crate::contract::subject::Subject;
use crate::store::controls::{self, Board, OfOrder};
use crate::telemetry::{Pulse, chain};
use crate::topology::WorkQueue;

const LOOK: Duration = Duration::from_secs(1);

/// Shared by all consumers of a process.
#[derive(Clone, Debug)]
pub struct Controls(Arc<watch::Sender<Board>>);

impl Default for Controls {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Board::default())))
    }
}

impl Controls {
    /// Reads them once a second until the process stops. While the database is away, what was last known holds.
    pub async fn keep_fresh(self, db: PgPool, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            match read(&db).await {
                Ok(board) => {
                    self.0.send_if_modified(|known| {
                        let changed = *known != board;
                        *known = board;
                        changed
                    });
                }
                Err(error) => tracing::debug!(error = chain(&error), "nobody knows what is paused"),
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Returns at once where nothing is paused, else when it is resumed.
    pub(super) async fn until_resumed(&self, queue: &str, pulse: &Pulse) {
        let mut seen = self.0.subscribe();
        if let Some(reason) = seen.borrow().paused.get(queue) {
            pulse.down(format!("paused by an operator: {reason}").as_str());
        }
        // the sender lives as long as this
        let _ = seen.wait_for(|board| !board.paused.contains_key(queue)).await;
    }

    pub(super) async fn until_paused(&self, queue: &str) {
        let mut seen = self.0.subscribe();
        let _ = seen.wait_for(|board| board.paused.contains_key(queue)).await;
    }

    /// Whether messages of this queue have to be looked at one by one.
    fn concern(&self, queue: &str) -> bool {
        let board = self.0.borrow();
        board.any_holds || board.with_dead.contains(queue)
    }

    /// A message of this queue has just died: the next of its order must not overtake it.
    pub(super) fn has_died(&self, queue: WorkQueue) {
        if queue.keeps_order() {
            self.0.send_if_modified(|board| board.with_dead.insert(queue.name().to_owned()));
        }
    }
}

async fn read(db: &PgPool) -> Result<Board, sqlx::Error> {
    let mut db = db.acquire().await?;
    let ordered: Vec<&str> =
        WorkQueue::ALL.into_iter().filter(|queue| queue.keeps_order()).map(WorkQueue::name).collect();
    controls::board(&mut db, &ordered).await
}

impl<H: Handler> Session<'_, H> {
    /// Parks the messages of orders that must wait; answers with the others.
    pub(super) async fn park(&self, taken: Vec<Taken>, ready: &mut Vec<Ready<H>>) -> Result<Vec<Taken>, Fault> {
        let Source::Work(queue) = H::SOURCE else { return Ok(taken) };
        if taken.is_empty() || !self.consumer.controls.concern(queue.name()) {
            return Ok(taken);
        }
        let of_orders: Vec<OfOrder> = taken
            .iter()
            .filter_map(|taken| {
                let incoming = &taken.incoming;
                let order_id = Subject::of(&incoming.body).order_id?;
                Some(OfOrder { order_id, message_id: incoming.message_id, is_replay: incoming.replays() > 0 })
            })
            .collect();
        let acker = taken.first().map(|taken| taken.receipt.acker.clone());
        let look = || async {
            let mut db = self.db.take().await?;
            let waiting = controls::waiting(&mut db, queue.name(), queue.keeps_order(), &of_orders).await?;
            db.keep();
            Ok::<HashMap<Uuid, String>, sqlx::Error>(waiting)
        };
        let mut waiting = self.through_outages(acker.as_ref(), look).await?;
        let mut others = Vec::with_capacity(taken.len());
        for Taken { receipt, incoming, came_back } in taken {
            match waiting.remove(&incoming.message_id) {
                Some(why) => {
                    ready.push(Ready { receipt, prepared: Prepared::Failed(incoming, Failure::Parked(why)) });
                }
                None => others.push(Taken { receipt, incoming, came_back }),
            }
        }
        Ok(others)
    }
}
