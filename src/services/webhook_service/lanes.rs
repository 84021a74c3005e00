//! One lane per endpoint, so that none stands in the way of the others: a breaker of its own, so many calls at a time, and no more than
//! its share of what the consumer holds.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use uuid::Uuid;

use crate::messaging::{Admission, Breaker};

/// Calls of one endpoint at the same time, by one process: as many as a small web server takes without queueing.
const AT_A_TIME: usize = 32;
/// Deliveries of one endpoint in hand while others have some, too: a quarter of the default prefetch.
const SHARE: usize = 64;
/// An endpoint that was called in this time is among "others".
const LATELY: Duration = Duration::from_secs(60);
/// Lanes that are kept before the idle ones are forgotten.
const KEPT: usize = 1024;
/// How long an endpoint has been down before its deliveries wait on the next rung: about as long as the rung's own delay, so that a
/// wait at most doubles an outage.
const PATIENCE: [Duration; 3] = [Duration::from_secs(60), Duration::from_secs(600), Duration::from_secs(3600)];

#[derive(Default)]
pub struct Lanes(Mutex<HashMap<Uuid, Arc<Lane>>>);

struct Lane {
    endpoint: Uuid,
    breaker: Mutex<Breaker>,
    places: Arc<Semaphore>,
    in_hand: AtomicUsize,
    used: Mutex<Instant>,
}

/// No call now.
#[derive(Debug, PartialEq, Eq)]
pub struct Busy {
    pub rung: usize,
    pub why: String,
}

/// A place on the lane, given back when dropped.
pub struct Place {
    lane: Arc<Lane>,
    _permit: Option<OwnedSemaphorePermit>,
    is_probe: bool,
}

impl Lanes {
    /// Waits for a place. `forced`: a person asked, so it is called whatever the breaker says.
    ///
    /// # Errors
    /// [`Busy`] while the endpoint is down, or holds more than its share.
    pub async fn enter(&self, endpoint: Uuid, forced: bool) -> Result<Place, Busy> {
        let (lane, others) = self.lane(endpoint);
        let mut place = Place { lane: Arc::clone(&lane), _permit: None, is_probe: false };
        let in_hand = lane.in_hand.fetch_add(1, Ordering::Relaxed);
        if forced {
            return Ok(place);
        }
        if others && in_hand >= SHARE {
            return Err(Busy { rung: 0, why: "too many deliveries to this endpoint are under way".to_owned() });
        }
        if !lane.with_breaker(|breaker| breaker.is_closed()) {
            place.is_probe = lane.admitted()?;
            return Ok(place);
        }
        // never closed
        place._permit = Arc::clone(&lane.places).acquire_owned().await.ok();
        // it may have opened meanwhile
        place.is_probe = lane.admitted()?;
        Ok(place)
    }

    /// The lane of an endpoint, and whether others were used lately.
    fn lane(&self, endpoint: Uuid) -> (Arc<Lane>, bool) {
        let now = Instant::now();
        let lately = |lane: &Lane| now.saturating_duration_since(*lock(&lane.used)) < LATELY;
        let mut lanes = lock(&self.0);
        if lanes.len() > KEPT {
            lanes.retain(|_, lane| lately(lane));
        }
        let lane = Arc::clone(lanes.entry(endpoint).or_insert_with(|| Arc::new(Lane::new(endpoint))));
        *lock(&lane.used) = now;
        (lane, lanes.values().any(|other| other.endpoint != endpoint && lately(other)))
    }
}

impl Lane {
    fn new(endpoint: Uuid) -> Self {
        Self {
            endpoint,
            breaker: Mutex::default(),
            places: Arc::new(Semaphore::new(AT_A_TIME)),
            in_hand: AtomicUsize::new(0),
            used: Mutex::new(Instant::now()),
        }
    }

    fn with_breaker<T>(&self, look: impl FnOnce(&mut Breaker) -> T) -> T {
        look(&mut lock(&self.breaker))
    }

    /// Whether the call is a probe.
    fn admitted(&self) -> Result<bool, Busy> {
        match self.with_breaker(|breaker| breaker.admission(Instant::now())) {
            Admission::All => Ok(false),
            Admission::One => Ok(true),
            Admission::Nothing => Err(Busy { rung: self.rung().unwrap_or(0), why: "the endpoint is down".to_owned() }),
        }
    }

    /// The rung on which to wait, while the endpoint is down.
    fn rung(&self) -> Option<usize> {
        let (closed, reading) = self.with_breaker(|breaker| (breaker.is_closed(), breaker.reading()));
        let down_for = reading.since.filter(|_| !closed)?.elapsed();
        Some(PATIENCE.iter().filter(|patience| down_for >= **patience).count())
    }
}

impl Place {
    /// Takes note of how the call went. Answers the rung on which to wait when the endpoint is down.
    pub fn leave(mut self, succeeded: bool) -> Option<usize> {
        self.is_probe = false;
        let (changed, closed) =
            self.lane.with_breaker(|breaker| (breaker.record(succeeded, Instant::now()), breaker.is_closed()));
        if changed {
            let endpoint_id = self.lane.endpoint;
            match closed {
                true => tracing::info!(%endpoint_id, "the endpoint is back, its breaker closes"),
                false => tracing::warn!(%endpoint_id, "the endpoint fails, its breaker opens: its webhooks wait"),
            }
        }
        self.lane.rung()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lane.in_hand.fetch_sub(1, Ordering::Relaxed);
        if self.is_probe {
            // its call was given up, so nothing was found out
            self.lane.with_breaker(|breaker| breaker.forget_probe(Instant::now()));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    async fn call(lanes: &Lanes, endpoint: Uuid, succeeds: bool) -> Option<usize> {
        lanes.enter(endpoint, false).await.expect("a place").leave(succeeds)
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_is_down_is_left_alone_and_the_others_are_not_concerned() {
        let lanes = Lanes::default();
        for _ in 0..4 {
            assert_eq!(call(&lanes, ONE, false).await, None);
        }
        assert_eq!(call(&lanes, ONE, false).await, Some(0), "the fifth failure in a row opens the breaker");
        assert_eq!(lanes.enter(ONE, false).await.err().expect("down").rung, 0);
        assert_eq!(call(&lanes, OTHER, true).await, None);
        assert_eq!(lanes.enter(ONE, true).await.expect("a person asked").leave(true), Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_longer_it_is_down_the_longer_its_deliveries_wait() {
        let lanes = Lanes::default();
        for _ in 0..5 {
            call(&lanes, ONE, false).await;
        }
        for (seconds, rung) in [(61, 1), (540, 2), (3000, 3)] {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            assert_eq!(call(&lanes, ONE, false).await, Some(rung), "the probe fails");
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(call(&lanes, ONE, true).await, None, "the probe succeeds");
        assert_eq!(call(&lanes, ONE, true).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_given_up_is_made_again() {
        let lanes = Lanes::default();
        for _ in 0..5 {
            call(&lanes, ONE, false).await;
        }
        tokio::time::advance(Duration::from_secs(31)).await;
        drop(lanes.enter(ONE, false).await.expect("a probe"));
        tokio::time::advance(Duration::from_secs(31)).await;
        assert_eq!(call(&lanes, ONE, true).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_hangs_holds_no_more_than_its_share_while_others_are_there() {
        let lanes = Arc::new(Lanes::default());
        call(&lanes, OTHER, true).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..SHARE {
            let lanes = Arc::clone(&lanes);
            tasks.spawn(async move {
                let place = lanes.enter(ONE, false).await;
                tokio::time::sleep(Duration::from_secs(10)).await;
                place.map(|place| place.leave(false)).map_err(|busy| busy.why)
            });
        }
        while lanes.lane(ONE).0.in_hand.load(Ordering::Relaxed) < SHARE {
            tokio::task::yield_now().await;
        }
        assert_eq!(lanes.enter(ONE, false).await.err().expect("its share").rung, 0);
        assert_eq!(call(&lanes, OTHER, true).await, None);
        let ended = tasks.join_all().await;
        let called = ended.iter().filter(|ended| ended.is_ok()).count();
        // who waited for a place finds the breaker open
        assert_eq!(called, AT_A_TIME);
        assert_eq!(lanes.lane(ONE).0.in_hand.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_is_alone_may_have_everything() {
        let lanes = Lanes::default();
        let lane = lanes.lane(ONE).0;
        lane.in_hand.store(10 * SHARE, Ordering::Relaxed);
        assert!(lanes.enter(ONE, false).await.is_ok());
    }
}
