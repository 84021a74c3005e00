//! A replay while the broker is away: it sends nothing, holds nothing against any letter, and goes on by itself.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::runner::Run;
use crate::messaging::Backoff;
use crate::store::dead_letters as store;

/// What was perhaps stored is not sent again before consumers had this time to take it: they are back within some 3 s.
const SETTLING: Duration = Duration::from_secs(4);

impl Run<'_> {
    /// Until the broker is back, the operation does not run any more, or the process is told to stop.
    pub(super) async fn wait_for_the_broker(
        &mut self,
        why: &str,
        shutdown: &CancellationToken,
    ) -> Result<(), sqlx::Error> {
        tracing::warn!(operation = %self.operation.id, why, "a replay waits for the broker");
        let what = format!("waits for the broker, goes on by itself: {why}");
        let mut db = self.runner.db.acquire().await?;
        store::waits_for(&mut db, self.operation.id, Some(&what)).await?;
        drop(db);
        let (mut backoff, mut back_since) = (Backoff::default(), None);
        while self.still_holds().await? && !shutdown.is_cancelled() {
            match self.runner.replayer.reach().await {
                Ok(()) if back_since.is_some_and(|since: Instant| since.elapsed() >= SETTLING) => {
                    let mut db = self.runner.db.acquire().await?;
                    store::be_patient(&mut db, self.operation.id).await?;
                    tracing::info!(operation = %self.operation.id, "the broker is back, the replay goes on");
                    return store::waits_for(&mut db, self.operation.id, None).await;
                }
                Ok(()) => drop(back_since.get_or_insert_with(Instant::now)),
                Err(_) => back_since = None,
            }
            tokio::select! {
                () = sleep(backoff.next_pause().min(SETTLING / 4)) => {}
                () = shutdown.cancelled() => {}
            }
        }
        Ok(())
    }

    /// Asked only when something else is strange already.
    pub(super) async fn is_broker_away(&mut self) -> bool {
        if self.away.is_none() {
            self.away = self.runner.replayer.reach().await.err();
        }
        self.away.is_some()
    }
}
