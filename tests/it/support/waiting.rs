//! Waiting for something to become true, with a deadline and a name for what did not happen.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Far above what any step takes on a busy two-core machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Asks `probe` until it has an answer; fails the test with `step` when it never does.
pub async fn eventually<T>(step: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "did not happen within {DEADLINE:?}: {step}");
        sleep(Duration::from_millis(20)).await;
    }
}
