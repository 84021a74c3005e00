//! Carries out a replay: a few messages at a time, each followed to its end, more as it goes well. Whoever runs it holds a lease; if
//! the process dies another goes on, and the consumers' inboxes see to it that nothing takes effect twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use sqlx::{Connection, PgPool};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ramp::{Fares, next_stage};
use super::watch::{UNSEEN_AFTER, look};
use crate::dead_letters::consumers::{Consumers, Verdict};
use crate::dead_letters::publish::{CHUNK, Outcome, Replayer};
use crate::messaging::Broker;
use crate::store::dead_letters::{self as store, Change, ItemState, Operation, OperationState, State, Waiting};

/// Pause between two looks at what was sent.
const LOOK: Duration = Duration::from_millis(100);
/// How often the lease is renewed, and it is seen whether somebody has paused or cancelled the operation. Well within
/// [`store::RUNNER_LEASE_SECONDS`], the time for a chunk included.
const RENEW: Duration = Duration::from_secs(1);
/// Of the messages that are not seen to end, so many pause the operation: something else is wrong.
const MOST_UNSEEN: usize = 20;
/// Rehearsals at the same time, each with a connection of its own.
const REHEARSED_AT_ONCE: usize = 4;
/// Slices of a second in which the full rate is sent.
const SLICES: i32 = 5;

pub struct Runner {
    id: Uuid,
    db: PgPool,
    replayer: Replayer,
    consumers: Arc<dyn Consumers>,
}

/// Why a runner has left an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// It was paused, cancelled, or is over.
    NotRunning,
    /// Another runner has it.
    Taken,
    /// This process was told to stop.
    Shutdown,
}

impl Runner {
    /// `id`: who it is for the lease; others keep off what it holds.
    pub fn new(id: Uuid, db: PgPool, broker: Broker, consumers: Arc<dyn Consumers>) -> Self {
        Self { id, replayer: Replayer::new(db.clone(), broker), db, consumers }
    }

    /// Runs an operation until it ends, somebody else turns it, or the process is told to stop.
    ///
    /// # Errors
    /// Any database error: the lease runs out, and the operation goes on when the database is back.
    pub async fn run(&mut self, operation: Uuid, shutdown: &CancellationToken) -> Result<Left, sqlx::Error> {
        let Some(held) = self.hold(operation).await? else { return self.why_not(operation).await };
        let mut run = Run::resume(self, held).await?;
        let left = run.carry_out(shutdown).await;
        let mut db = self.db.acquire().await?;
        store::let_go(&mut db, operation, self.id).await?;
        left
    }

    async fn hold(&self, operation: Uuid) -> Result<Option<Operation>, sqlx::Error> {
        let mut db = self.db.acquire().await?;
        store::hold(&mut db, operation, self.id).await
    }

    async fn why_not(&self, operation: Uuid) -> Result<Left, sqlx::Error> {
        let mut db = self.db.acquire().await?;
        let state = store::operation(&mut db, operation).await?.map(|operation| operation.state);
        Ok(if state == Some(OperationState::Running) { Left::Taken } else { Left::NotRunning })
    }
}

struct Run<'a> {
    runner: &'a mut Runner,
    operation: Operation,
    fares: Fares,
    /// When the lease was renewed, and when the last messages were sent.
    held_at: Instant,
    sent_at: Option<Instant>,
    /// Whether the stage has been sent, and so grows when all of it has ended.
    is_stage_sent: bool,
    unseen: usize,
}

impl<'a> Run<'a> {
    async fn resume(runner: &'a mut Runner, operation: Operation) -> Result<Self, sqlx::Error> {
        let mut fares = Fares::new(operation.failure_limit);
        let mut db = runner.db.acquire().await?;
        for tally in store::tallies(&mut db, operation.id).await? {
            fares.remember(tally.group, tally.applied, tally.failed);
        }
        drop(db);
        Ok(Self { runner, operation, fares, held_at: Instant::now(), sent_at: None, is_stage_sent: false, unseen: 0 })
    }

    async fn carry_out(&mut self, shutdown: &CancellationToken) -> Result<Left, sqlx::Error> {
        while !shutdown.is_cancelled() {
            if !self.still_holds().await? {
                return self.runner.why_not(self.operation.id).await;
            }
            let under_way = self.watch().await?;
            self.judge().await?;
            if self.unseen >= MOST_UNSEEN {
                return self.pause_unseen().await;
            }
            if under_way == 0 {
                self.grow().await?;
            }
            let room = self.room(under_way);
            let sent = if room > 0 { self.send(room).await? } else { 0 };
            if under_way == 0 && sent == 0 && self.is_over().await? {
                return Ok(Left::NotRunning);
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                () = shutdown.cancelled() => {}
            }
        }
        Ok(Left::Shutdown)
    }

    /// Renews the lease when it is time. `false`: the operation does not run any more, or somebody else has it.
    async fn still_holds(&mut self) -> Result<bool, sqlx::Error> {
        if self.held_at.elapsed() < RENEW {
            return Ok(true);
        }
        let held = self.runner.hold(self.operation.id).await?;
        let still = held.is_some();
        if let Some(held) = held {
            (self.operation, self.held_at) = (held, Instant::now());
        }
        Ok(still)
    }

    /// All of the stage has ended: the next one is larger.
    async fn grow(&mut self) -> Result<(), sqlx::Error> {
        if !std::mem::take(&mut self.is_stage_sent) || self.operation.stage >= self.operation.rate {
            return Ok(());
        }
        let stage = next_stage(self.operation.stage, self.operation.rate);
        let mut db = self.runner.db.acquire().await?;
        store::stage(&mut db, self.operation.id, stage).await?;
        self.operation.stage = stage;
        Ok(())
    }

    /// How many may be sent now, with so many under way.
    fn room(&mut self, under_way: usize) -> i64 {
        let (rate, stage) = (self.operation.rate, self.operation.stage);
        if !self.operation.watched || stage >= rate {
            let slice = Duration::from_secs(1) / u32::try_from(SLICES).unwrap_or(1);
            let is_due = self.sent_at.is_none_or(|at| at.elapsed() >= slice);
            let is_full = under_way >= usize::try_from(2 * rate).unwrap_or(usize::MAX);
            return if is_due && !is_full { i64::from((rate / SLICES).max(1)) } else { 0 };
        }
        match under_way {
            0 => i64::from(stage),
            _ => 0,
        }
    }

    /// Sends the next; answers how many were taken up.
    async fn send(&mut self, room: i64) -> Result<usize, sqlx::Error> {
        let mut db = self.runner.db.acquire().await?;
        let next = store::waiting(&mut db, self.operation.id, room).await?;
        drop(db);
        for chunk in next.chunks(CHUNK) {
            // rehearsing takes its time: whoever has lost the lease must not send what another one sends
            if !self.still_holds().await? {
                break;
            }
            self.send_chunk(chunk).await?;
        }
        self.sent_at = Some(Instant::now());
        self.is_stage_sent |= !next.is_empty();
        Ok(next.len())
    }

    async fn send_chunk(&mut self, chunk: &[Waiting]) -> Result<(), sqlx::Error> {
        let mut changes = Vec::with_capacity(chunk.len());
        let mut to_send = Vec::with_capacity(chunk.len());
        let ids: Vec<Uuid> = chunk.iter().map(|item| item.letter).collect();
        let needless = self.needless(&ids).await?;
        for item in chunk {
            match needless.get(&item.letter) {
                Some(why) => changes.push(ended(*item, ItemState::Skipped, Some(why.clone()))),
                None => to_send.push(*item),
            }
        }
        let ids: Vec<Uuid> = to_send.iter().map(|item| item.letter).collect();
        let reports = self.runner.replayer.replay(&ids, self.operation.id, self.operation.watched).await?;
        for (item, report) in to_send.iter().zip(reports) {
            changes.push(match &report.outcome {
                Outcome::Replayed { inbox_id, .. } if self.operation.watched => Change {
                    message_id: Some(*inbox_id),
                    ..ended(*item, ItemState::Sent, Some(report.outcome.to_string()))
                },
                Outcome::Replayed { .. } => ended(*item, ItemState::Applied, Some(report.outcome.to_string())),
                Outcome::NotFree(_) | Outcome::NotFound => {
                    ended(*item, ItemState::Skipped, Some(report.outcome.to_string()))
                }
                Outcome::MovedOn | Outcome::NoWayBack | Outcome::NotStored(_) | Outcome::InDoubt(_) => {
                    self.fares.failed(item.group);
                    ended(*item, ItemState::Failed, Some(report.outcome.to_string()))
                }
            });
        }
        self.write(&changes).await
    }

    /// Those that would change nothing, with the reason: they are marked as resolved and not sent.
    async fn needless(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, String>, sqlx::Error> {
        let mut needless = HashMap::new();
        if !self.operation.watched {
            return Ok(needless);
        }
        let mut db = self.runner.db.acquire().await?;
        let letters = store::whole(&mut db, ids).await?;
        drop(db);
        let free = letters.into_iter().filter(|letter| letter.summary.state == State::Unresolved);
        let (pool, consumers) = (&self.runner.db, &self.runner.consumers);
        let mut verdicts = stream::iter(free)
            .map(async |letter| (letter.summary.id, consumers.rehearse(pool, letter).await))
            .buffer_unordered(REHEARSED_AT_ONCE);
        while let Some((id, verdict)) = verdicts.next().await {
            if let Verdict::Skip { why } = verdict {
                needless.insert(id, why);
            }
        }
        drop(verdicts);
        if !needless.is_empty() {
            let mut db = self.runner.db.acquire().await?;
            let ids: Vec<Uuid> = needless.keys().copied().collect();
            store::settle_needless(&mut db, &ids).await?;
        }
        Ok(needless)
    }

    /// Looks how those on their way are; answers how many still are.
    async fn watch(&mut self) -> Result<usize, sqlx::Error> {
        let mut db = self.runner.db.acquire().await?;
        let seen = look(&mut db, self.operation.id, self.runner.consumers.as_ref()).await?;
        drop(db);
        let under_way = seen.iter().filter(|item| item.fate.is_none()).count();
        let mut changes = Vec::new();
        for item in seen {
            let Some((to, detail)) = item.fate else { continue };
            match to {
                ItemState::Applied => self.fares.applied(item.group),
                ItemState::Failed => self.fares.failed(item.group),
                ItemState::Unseen => self.unseen += 1,
                ItemState::Waiting | ItemState::Sent | ItemState::Skipped | ItemState::Kept => {}
            }
            changes.push(Change { position: item.position, to, detail, message_id: None });
        }
        self.write(&changes).await?;
        Ok(under_way)
    }

    async fn judge(&mut self) -> Result<(), sqlx::Error> {
        for (group, failed, ended) in self.fares.hopeless() {
            let why = format!("{failed} of {ended} like it failed again");
            let mut db = self.runner.db.acquire().await?;
            let mut tx = db.begin().await?;
            let kept = store::keep(&mut tx, self.operation.id, Some(group), &why).await?;
            tx.commit().await?;
            tracing::warn!(operation = %self.operation.id, group = group.map(tracing::field::display), failed, ended, kept, "a replay keeps the rest of a group");
        }
        Ok(())
    }

    async fn pause_unseen(&mut self) -> Result<Left, sqlx::Error> {
        let why =
            format!("{} messages were not seen to end within {UNSEEN_AFTER} s: does anyone consume?", self.unseen);
        let mut db = self.runner.db.acquire().await?;
        let running = [OperationState::Running];
        store::turn(&mut db, self.operation.id, &running, OperationState::Paused, Some(&why)).await?;
        Ok(Left::NotRunning)
    }

    /// Ends the operation if nothing waits and nothing is on its way.
    async fn is_over(&mut self) -> Result<bool, sqlx::Error> {
        let mut db = self.runner.db.acquire().await?;
        let Some(now) = store::operation(&mut db, self.operation.id).await? else { return Ok(true) };
        if now.waiting() > 0 || now.sent > 0 {
            return Ok(false);
        }
        let (state, why) = match now.kept {
            0 => (OperationState::Completed, None),
            kept => (OperationState::Stopped, Some(format!("{kept} kept, because messages like them failed again"))),
        };
        store::turn(&mut db, now.id, &[OperationState::Running], state, why.as_deref()).await?;
        Ok(true)
    }

    async fn write(&self, changes: &[Change]) -> Result<(), sqlx::Error> {
        let mut db = self.runner.db.acquire().await?;
        let mut tx = db.begin().await?;
        store::change(&mut tx, self.operation.id, changes).await?;
        tx.commit().await
    }
}

fn ended(item: Waiting, to: ItemState, detail: Option<String>) -> Change {
    Change { position: item.position, to, detail, message_id: None }
}
