//! Poison isolation: a message that was in hand when processes died runs alone, and what happens to it is written down first. If
//! the process dies again, it was this message, and the operator gets it with the evidence; its neighbours go through.

use lapin::Acker;
use tokio::sync::Mutex;

use super::fault::Fault;
use super::session::{Prepared, Ready, Session, Taken};
use super::{Failure, Handler};
use crate::crash_points::{Boundary, crash_point};
use crate::store::suspects;

/// Runs alone from which the process never came back, before the message is given to the operator. One could be a coincidence (a
/// deployment, a machine that failed), so it takes two.
const DEATHS_ALONE: i32 = 2;

/// Alone means alone in the process: where several roles share one, another role's suspect must not be blamed for this one.
static ALONE: Mutex<()> = Mutex::const_new(());

impl<H: Handler> Session<'_, H> {
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
        let _alone = ALONE.lock().await;
        let identity = self.consumer.handler.identity(&taken.incoming);
        let db = &self.consumer.db;
        let mark = || async { suspects::mark(db, H::ROLE, identity).await };
        let deaths = self.through_outages(Some(&taken.acker), mark).await?;
        crash_point(H::ROLE, Boundary::AfterMark);
        let ended = if deaths >= DEATHS_ALONE {
            self.bury(taken, deaths).await?;
            Ok(())
        } else {
            tracing::warn!(role = H::ROLE, message_id = %taken.incoming.message_id, deaths, "running a suspect alone");
            self.run_alone(taken).await
        };
        // Also after a fault: a broker that went away has killed nobody.
        let clear = || async { suspects::clear(db, H::ROLE, identity).await };
        self.through_outages(None::<&Acker>, clear).await?;
        ended
    }

    async fn bury(&mut self, taken: Taken, deaths: i32) -> Result<(), Fault> {
        let failure = Failure::Poisonous(format!("the process died {deaths} times while it ran this message alone"));
        let Taken { tag, acker, incoming } = taken;
        self.finish(vec![Ready { tag, acker, prepared: Prepared::Failed(incoming, failure) }]).await
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
}
