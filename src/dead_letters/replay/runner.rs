//! Carries out a replay: a few messages at a time, each followed to its end, more as it goes well. Whoever runs it holds a lease; if
//! the process dies another goes on, and the consumers' inboxes see to it that nothing takes effect twice.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgPool};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::end::end;
use super::ramp::{Fares, next_stage};
use super::watch::{UNSEEN_AFTER, look};
use crate::dead_letters::consumers::Consumers;
use crate::dead_letters::publish::Replayer;
use crate::messaging::Broker;
use crate::store::dead_letters::{self as store, Change, ItemState, Operation, OperationState, RUNNER_LEASE_SECONDS};

/// Pause between two looks at what was sent.
const LOOK: Duration = Duration::from_millis(100);
/// How often the lease is renewed, and it is seen whether somebody has paused or cancelled the operation. Well within
/// [`store::RUNNER_LEASE_SECONDS`], the time for a chunk included.
const RENEW: Duration = Duration::from_secs(1);
/// Of the messages that are not seen to end, so many pause the operation: something else is wrong.
const MOST_UNSEEN: usize = 20;
/// So long nothing of what is under way ends before the broker is asked whether it is there.
const STILL: Duration = Duration::from_secs(5);
/// Slices of a second in which the full rate is sent.
const SLICES: i32 = 5;

pub struct Runner {
    id: Uuid,
    lease_seconds: f64,
    pub(super) db: PgPool,
    pub(super) replayer: Replayer,
    pub(super) consumers: Arc<dyn Consumers>,
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
        let lease_seconds = f64::from(RUNNER_LEASE_SECONDS);
        Self { id, lease_seconds, replayer: Replayer::new(db.clone(), broker), db, consumers }
    }

    /// How long others wait before they take over, should this process die. Some seconds at least: it is renewed once a second.
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease_seconds: lease.as_secs_f64(), ..self }
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
        store::hold(&mut db, operation, self.id, self.lease_seconds).await
    }

    async fn why_not(&self, operation: Uuid) -> Result<Left, sqlx::Error> {
        let mut db = self.db.acquire().await?;
        let state = store::operation(&mut db, operation).await?.map(|operation| operation.state);
        Ok(if state == Some(OperationState::Running) { Left::Taken } else { Left::NotRunning })
    }
}

/// One operation on its way.
pub(super) struct Run<'a> {
    pub(super) runner: &'a mut Runner,
    pub(super) operation: Operation,
    pub(super) fares: Fares,
    /// Why the broker could not be used, when it was tried last.
    pub(super) away: Option<String>,
    /// When something was last seen to end, or looked into because nothing was.
    moved_at: Instant,
    /// When the lease was renewed, and when the last messages were sent.
    held_at: Instant,
    pub(super) sent_at: Option<Instant>,
    /// Whether the stage has been sent, and so grows when all of it has ended.
    pub(super) is_stage_sent: bool,
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
        let now = Instant::now();
        Ok(Self {
            runner,
            operation,
            fares,
            away: None,
            moved_at: now,
            held_at: now,
            sent_at: None,
            is_stage_sent: false,
            unseen: 0,
        })
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
            if under_way > 0 && sent == 0 && self.moved_at.elapsed() >= STILL {
                self.moved_at = Instant::now();
                self.is_broker_away().await;
            }
            if let Some(why) = self.away.take() {
                self.wait_for_the_broker(&why, shutdown).await?;
                continue;
            }
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
    pub(super) async fn still_holds(&mut self) -> Result<bool, sqlx::Error> {
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

    /// Looks how those on their way are; answers how many still are.
    async fn watch(&mut self) -> Result<usize, sqlx::Error> {
        let mut db = self.runner.db.acquire().await?;
        let seen = look(&mut db, self.operation.id, self.runner.consumers.as_ref()).await?;
        drop(db);
        let mut under_way = seen.iter().filter(|item| item.fate.is_none()).count();
        let mut changes = Vec::new();
        for item in seen {
            let Some((to, detail)) = item.fate else { continue };
            // nobody can take anything while the broker is away
            if to == ItemState::Unseen && self.is_broker_away().await {
                under_way += 1;
                continue;
            }
            match to {
                ItemState::Applied => self.fares.applied(item.group),
                ItemState::Failed => self.fares.failed(item.group),
                ItemState::Unseen => self.unseen += 1,
                ItemState::Waiting | ItemState::Sent | ItemState::Skipped | ItemState::Kept => {}
            }
            changes.push(Change { position: item.position, to, detail, message_id: None });
        }
        if under_way == 0 || !changes.is_empty() {
            self.moved_at = Instant::now();
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
        let mut tx = db.begin().await?;
        end(&mut tx, &now, state, why.as_deref()).await?;
        tx.commit().await?;
        Ok(true)
    }
}
