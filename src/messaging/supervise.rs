//! Starts a role again after every fault, with growing, jittered pauses, until it is told to stop.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::telemetry::{Pulse, chain, metrics};

/// A restart within this time counts as the same trouble.
const STABLE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Pauses that double from 0.2 s to 3 s, each between half and the whole, so that a fleet does not come back as one.
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST_PAUSE }
    }
}

impl Backoff {
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.next.mul_f64(0.5 + 0.5 * fastrand::f64());
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        pause
    }

    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Why a session ended before it was told to.
pub trait Ended: std::error::Error + 'static {
    /// Whether to start again without a pause: nothing is down, waiting would only hold others up.
    fn starts_at_once(&self) -> bool {
        false
    }
}

/// Runs `session` until it ends well, which it does only when told to stop.
pub async fn supervise<E, F>(role: &str, pulse: &Pulse, shutdown: &CancellationToken, mut session: impl FnMut() -> F)
where
    E: Ended,
    F: Future<Output = Result<(), E>>,
{
    let mut backoff = Backoff::default();
    loop {
        let started = Instant::now();
        let Err(fault) = session().await else { break };
        let at_once = fault.starts_at_once();
        let fault = chain(&fault);
        pulse.down(fault.as_str());
        metrics().restarts.with_label_values(&[role]).inc();
        if at_once {
            tracing::warn!(role, fault, "starting again at once");
            continue;
        }
        if started.elapsed() > STABLE {
            backoff.reset();
        }
        let pause = backoff.next_pause();
        tracing::warn!(role, fault, pause_ms = pause.as_millis(), "fault, starting again");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.cancelled() => break,
        }
    }
    tracing::info!(role, "stopped");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_start_small_again() {
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = (0..20).map(|_| backoff.next_pause()).collect();
        assert!(pauses[0] <= FIRST_PAUSE && pauses[0] >= FIRST_PAUSE / 2);
        assert!(pauses[19] <= LONGEST_PAUSE && pauses[19] >= LONGEST_PAUSE / 2);
        backoff.reset();
        assert!(backoff.next_pause() <= FIRST_PAUSE);
    }
}
