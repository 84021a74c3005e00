//! One quota, counted for each caller by the generic cell rate algorithm.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;

use crate::access::{Quota, Standing};
use crate::ports::shared_quota::SharedQuota;

/// After a failure Redis is left alone for so long: requests must not wait for it one after the other.
const REST: Duration = Duration::from_secs(2);

type InMemory = governor::RateLimiter<String, DashMapStateStore<String>, DefaultClock, StateInformationMiddleware>;

pub(super) struct Limiter {
    pub(super) name: &'static str,
    pub(super) quota: Quota,
    local: InMemory,
    clock: DefaultClock,
    shared: Option<Shared>,
}

struct Shared {
    quota: SharedQuota,
    /// Since when Redis does not answer, and when it is asked again.
    resting: Mutex<Option<Instant>>,
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.quota)
    }
}

impl Limiter {
    pub(super) fn new(name: &'static str, quota: Quota, shared: Option<SharedQuota>) -> Self {
        let interval = quota.interval().max(Duration::from_nanos(1));
        let rate = governor::Quota::with_period(interval).unwrap_or(governor::Quota::per_second(quota.count));
        Self {
            name,
            quota,
            local: governor::RateLimiter::dashmap(rate.allow_burst(quota.count)).with_middleware(),
            clock: DefaultClock::default(),
            shared: shared.map(|quota| Shared { quota, resting: Mutex::new(None) }),
        }
    }

    /// Counts one request.
    pub(super) async fn take(&self, whose: String) -> Standing {
        if let Some(shared) = &self.shared
            && let Some(standing) = shared.take(self.name, &whose, self.quota).await
        {
            return standing;
        }
        match self.local.check_key(&whose) {
            Ok(snapshot) => {
                let remaining = snapshot.remaining_burst_capacity();
                let used = self.quota.count.get().saturating_sub(remaining);
                Standing::Within { remaining, full_in: self.quota.interval() * used }
            }
            Err(until) => Standing::Exhausted { retry_in: until.wait_time_from(self.clock.now()) },
        }
    }

    pub(super) fn tidy(&self) {
        self.local.retain_recent();
        self.local.shrink_to_fit();
    }
}

impl Shared {
    /// `None` while Redis is away: then each process counts for itself.
    async fn take(&self, name: &str, whose: &str, quota: Quota) -> Option<Standing> {
        if self.resting().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        match self.quota.take(&format!("{name}:{whose}"), quota).await {
            Ok(standing) => {
                if self.rest(None).is_some() {
                    tracing::info!("Redis answers: the processes count their callers together again");
                }
                Some(standing)
            }
            Err(error) => {
                if self.rest(Some(Instant::now() + REST)).is_none() {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "Redis is away: this process counts its callers for itself"
                    );
                }
                None
            }
        }
    }

    fn resting(&self) -> Option<Instant> {
        *self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers what was there before.
    fn rest(&self, until: Option<Instant>) -> Option<Instant> {
        std::mem::replace(&mut *self.resting.lock().unwrap_or_else(PoisonError::into_inner), until)
    }
}
