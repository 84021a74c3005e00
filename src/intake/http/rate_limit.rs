//! How often the API may be called: a quota per caller and one per address. Counted in memory, or in Redis for all processes
//! together. Called by the guard; the headers are those of draft-ietf-httpapi-ratelimit-headers-10.

mod limiter;

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;

use self::limiter::Limiter;
use super::guard::Refusal;
use crate::access::{Actor, Quota, Standing};
use crate::ports::shared_quota::SharedQuota;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// How often callers that have all of their quota again are forgotten.
const TIDY: Duration = Duration::from_secs(10);

/// The quotas in force; by default none.
#[derive(Clone, Debug, Default)]
pub struct RateLimits {
    caller: Option<Arc<Limiter>>,
    address: Option<Arc<Limiter>>,
}

impl RateLimits {
    /// `shared`: where several processes count together.
    pub fn new(caller: Option<Quota>, address: Option<Quota>, shared: Option<SharedQuota>) -> Self {
        let limiter = |name, quota: Option<Quota>| Some(Arc::new(Limiter::new(name, quota?, shared.clone())));
        Self { caller: limiter("caller", caller), address: limiter("address", address) }
    }

    /// Forgets those who have not called for a while, until the process stops.
    pub async fn keep_tidy(self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(TIDY) => {}
                () = shutdown.cancelled() => return,
            }
            for limiter in self.caller.iter().chain(&self.address) {
                limiter.tidy();
            }
        }
    }

    pub(super) async fn address(&self, address: IpAddr, standings: &mut Standings) -> Result<(), Refusal> {
        match &self.address {
            Some(limiter) => standings.take(limiter, address.to_string()).await,
            None => Ok(()),
        }
    }

    pub(super) async fn caller(&self, actor: &Actor, standings: &mut Standings) -> Result<(), Refusal> {
        match &self.caller {
            Some(limiter) => standings.take(limiter, actor.to_string()).await,
            None => Ok(()),
        }
    }
}

/// Rounded up: who comes back too early is refused again.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Where the caller of one request stands, quota by quota.
#[derive(Debug, Default)]
pub(super) struct Standings(Vec<(&'static str, Quota, Standing)>);

impl Standings {
    async fn take(&mut self, limiter: &Limiter, whose: String) -> Result<(), Refusal> {
        let standing = limiter.take(whose).await;
        self.0.push((limiter.name, limiter.quota, standing));
        match standing {
            Standing::Within { .. } => Ok(()),
            Standing::Exhausted { retry_in } => Err(Refusal::limited(limiter.name, retry_in)),
        }
    }

    /// Writes them into the answer.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let (mut policy, mut now) = (String::new(), String::new());
        for (name, quota, standing) in &self.0 {
            let comma = if policy.is_empty() { "" } else { ", " };
            let (remaining, seconds) = match *standing {
                Standing::Within { remaining, full_in } => (remaining, whole_seconds(full_in)),
                Standing::Exhausted { retry_in } => (0, whole_seconds(retry_in).max(1)),
            };
            // writing to a string cannot fail
            let _ = write!(policy, "{comma}\"{name}\";q={};w={}", quota.count, quota.window.as_secs());
            let _ = write!(now, "{comma}\"{name}\";r={remaining};t={seconds}");
        }
        for (name, value) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, now)] {
            if let Some(value) = HeaderValue::try_from(value).ok().filter(|value| !value.is_empty()) {
                headers.insert(name, value);
            }
        }
    }
}
