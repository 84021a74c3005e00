//! How a session waits while the database is away.

use lapin::Acker;

use super::fault::Fault;
use super::session::Session;
use super::{Backoff, Handler};
use crate::store::{inbox, is_contention, is_outage};
use crate::telemetry::chain;

impl<H: Handler> Session<'_, H> {
    /// Repeats `attempt` until the database answers. Nothing is taken meanwhile and no message spends an attempt.
    ///
    /// # Errors
    /// [`Fault::Database`] at once when the database is there and refuses.
    pub(super) async fn through_outages<T, F: Future<Output = Result<T, sqlx::Error>>>(
        &self,
        acker: Option<&Acker>,
        attempt: impl Fn() -> F,
    ) -> Result<T, Fault> {
        let mut backoff = Backoff::default();
        loop {
            let error = match attempt().await {
                Ok(answer) => {
                    self.consumer.pulse.up();
                    return Ok(answer);
                }
                Err(error) if !passes(&error) => return Err(Fault::Database(error)),
                Err(error) => error,
            };
            self.consumer.pulse.down(format!("the database is away: {error}"));
            tracing::warn!(role = H::ROLE, error = chain(&error), "the database is away, waiting");
            tokio::select! {
                () = tokio::time::sleep(backoff.next_pause()) => {}
                () = self.shutdown.cancelled() => return Err(Fault::LostWhileWaiting),
            }
            if acker.is_some_and(|acker| !acker.usable()) {
                return Err(Fault::LostWhileWaiting);
            }
        }
    }
}

/// Whether the same question will be answered later: the database is away, or another transaction was faster.
fn passes(error: &sqlx::Error) -> bool {
    is_outage(error) || is_contention(error) || inbox::is_repetition(error)
}
