//! Poison isolation: whoever kills the process is found, alone, and the operator gets it with the evidence; its neighbours go through.
//!
//! A message that comes back to its queue is written down before it runs again (`store::suspects`). If that run never ends either,
//! the message is a suspect and runs alone, with nothing else in hand that could be blamed. The count is kept by message id: a
//! message can exist in several copies (its cause publishes it again after a death), and the broker counts for each copy anew.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use super::acks::Receipt;
use super::fault::Fault;
use super::session::{Prepared, Ready, Session, Taken};
use super::{Failure, Handler, Source};
use crate::crash_points::{Boundary, crash_point};
use crate::store::suspects;

/// Runs alone from which the process never came back, before the message is given to the operator. One could be a coincidence (a
/// deployment, a machine that failed), so it takes two.
const DEATHS_ALONE: i32 = 2;

/// How long a role without suspects is believed to have none when only messages arrive that are new. Another process's death is
/// noticed this much later, which costs nothing but one death more of a message that has several copies.
const PEACE: Duration = Duration::from_secs(1);

/// Alone means alone in the process: where several roles share one, another role's suspect must not be blamed for this one.
pub(super) static ALONE: Mutex<()> = Mutex::const_new(());

impl<H: Handler> Session<'_, H> {
    /// Keeps suspects apart and answers with the others. Of these, those that came back to the queue are written down.
    pub(super) async fn screen(&mut self, arrivals: Vec<Taken>) -> Result<Vec<Taken>, Fault> {
        if H::SOURCE == Source::DeadLetters || self.is_peaceful(&arrivals).await? {
            return Ok(arrivals);
        }
        let db = &self.consumer.db;
        let acker = arrivals.first().map(|taken| taken.receipt.acker.clone());
        let ids: Vec<Uuid> = arrivals.iter().map(|taken| taken.receipt.identity).collect();
        let known = self.through_outages(acker.as_ref(), || suspects::known(db, H::ROLE, &ids)).await?;
        let (suspected, others): (Vec<Taken>, Vec<Taken>) =
            arrivals.into_iter().partition(|taken| known.contains(&taken.receipt.identity));
        self.suspects.extend(suspected);
        let back: Vec<(u64, Uuid)> =
            others.iter().filter(|taken| taken.came_back).map(|taken| key(&taken.receipt)).collect();
        if !back.is_empty() {
            // each once, and in one order, so that two processes do not wait for each other
            let ids: Vec<Uuid> = back.iter().map(|(_, id)| *id).collect::<BTreeSet<_>>().into_iter().collect();
            self.through_outages(acker.as_ref(), || suspects::begin_in_company(db, H::ROLE, &ids)).await?;
            self.marked.extend(back);
            self.peaceful_until = None;
            crash_point(H::ROLE, Boundary::AfterMark);
        }
        Ok(others)
    }

    /// Whether nothing that has arrived can be a suspect.
    async fn is_peaceful(&mut self, arrivals: &[Taken]) -> Result<bool, Fault> {
        let Some(first) = arrivals.first() else { return Ok(true) };
        if arrivals.iter().any(|taken| taken.came_back) {
            return Ok(false);
        }
        let now = Instant::now();
        if self.peaceful_until.is_none_or(|until| until < now) {
            let db = &self.consumer.db;
            let any = self.through_outages(Some(&first.receipt.acker), || suspects::any(db, H::ROLE)).await?;
            self.peaceful_until = (!any).then_some(now + PEACE);
        }
        Ok(self.peaceful_until.is_some())
    }

    /// Runs the suspects one after the other, once nothing else is in hand that could be blamed.
    pub(super) async fn isolate(&mut self) -> Result<(), Fault> {
        while self.calls.is_empty()
            && !self.shutdown.is_cancelled()
            && let Some(taken) = self.suspects.pop_front()
        {
            self.isolate_one(taken).await?;
        }
        Ok(())
    }

    async fn isolate_one(&mut self, taken: Taken) -> Result<(), Fault> {
        let alone = ALONE.lock().await;
        let db = &self.consumer.db;
        let (tag, id) = key(&taken.receipt);
        let replays = taken.incoming.replays();
        let begin = || suspects::begin_alone(db, H::ROLE, id, replays, DEATHS_ALONE);
        let deaths = self.through_outages(Some(&taken.receipt.acker), begin).await?;
        crash_point(H::ROLE, Boundary::AfterMark);
        if deaths >= DEATHS_ALONE {
            drop(alone);
            return self.bury(taken, deaths).await;
        }
        tracing::warn!(role = H::ROLE, message_id = %taken.incoming.message_id, deaths, "running a suspect alone");
        self.marked.insert((tag, id));
        self.alone = Some(alone);
        self.run_alone(taken).await?;
        if self.marked.contains(&(tag, id)) {
            // the breaker holds it back
            self.through_outages(None, || suspects::postpone(db, H::ROLE, id)).await?;
        }
        self.alone = None;
        Ok(())
    }

    /// The row stays: every further copy is buried at once.
    async fn bury(&mut self, taken: Taken, deaths: i32) -> Result<(), Fault> {
        let failure = Failure::Poisonous(format!("the process died {deaths} times while it ran this message alone"));
        let Taken { receipt, incoming, .. } = taken;
        self.finish(vec![Ready { receipt, prepared: Prepared::Failed(incoming, failure) }]).await
    }

    async fn run_alone(&mut self, taken: Taken) -> Result<(), Fault> {
        let (mut ready, mut decoded) = (Vec::new(), Vec::new());
        self.sort(taken, &mut ready, &mut decoded).await;
        self.start_calls(decoded, &mut ready).await?;
        while let Some(called) = self.calls.join_next().await {
            ready.extend(called.ok().and_then(|called| self.returned(called)));
        }
        self.finish(ready).await
    }

    /// These have been run, and the process lives.
    pub(super) async fn survived(&mut self, receipts: &[Receipt]) -> Result<(), Fault> {
        let run: Vec<(u64, Uuid)> = receipts.iter().map(key).filter(|key| self.marked.contains(key)).collect();
        self.unmark(&run).await
    }

    /// After a session, also one that a fault ended: a broker that went away has killed nobody.
    pub(super) async fn survived_all(&mut self) -> Result<(), Fault> {
        let run: Vec<(u64, Uuid)> = self.marked.iter().copied().collect();
        self.unmark(&run).await
    }

    async fn unmark(&mut self, run: &[(u64, Uuid)]) -> Result<(), Fault> {
        if run.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = run.iter().map(|(_, id)| *id).collect();
        let db = &self.consumer.db;
        self.through_outages(None, || suspects::clear(db, H::ROLE, &ids)).await?;
        for key in run {
            self.marked.remove(key);
        }
        Ok(())
    }
}

/// A copy of a message may be in hand beside it, so the identity alone does not tell which run is meant.
fn key(receipt: &Receipt) -> (u64, Uuid) {
    (receipt.tag, receipt.identity)
}
