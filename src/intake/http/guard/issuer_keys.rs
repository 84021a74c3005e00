//! The identity provider's keys as they are known here: fetched when first needed, again in the background, and again at once when
//! a token names a key that is not among them.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::access::VerifyingKey;
use crate::ports::identity::Issuer;

/// How often the keys are fetched anyhow: so long is a withdrawn key still accepted.
const REFRESH: Duration = Duration::from_secs(300);
/// Least time between two fetches that tokens cause: whoever invents key names shall not make us hammer the provider.
const COOLDOWN: Duration = Duration::from_secs(5);

/// The keys cannot be had, so nothing is known about the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unavailable;

pub(super) struct IssuerKeys {
    issuer: Issuer,
    /// Those that the provider had when it last answered.
    known: RwLock<Arc<[VerifyingKey]>>,
    /// Held while fetching, so that many requests cause one.
    last: Mutex<Option<Fetch>>,
}

#[derive(Clone, Copy)]
struct Fetch {
    at: Instant,
    worked: bool,
}

impl IssuerKeys {
    pub(super) fn new(issuer: Issuer) -> Self {
        Self { issuer, known: RwLock::new(Arc::new([])), last: Mutex::new(None) }
    }

    pub(super) fn known(&self) -> Arc<[VerifyingKey]> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The keys after another look at the provider, for a token that was signed with none of those known.
    pub(super) async fn renewed(&self) -> Result<Arc<[VerifyingKey]>, Unavailable> {
        let asked_at = Instant::now();
        let mut last = self.last.lock().await;
        let fetch = match *last {
            // somebody has fetched while this one waited, or a moment ago
            Some(fetch) if fetch.at >= asked_at || fetch.at.elapsed() < COOLDOWN => fetch,
            Some(_) | None => *last.insert(self.fetch().await),
        };
        if fetch.worked { Ok(self.known()) } else { Err(Unavailable) }
    }

    /// Fetches the keys now and then until the process stops. While the provider is away, those known stay.
    pub(super) async fn keep_fresh(&self, shutdown: &CancellationToken) {
        loop {
            let fetch = self.fetch().await;
            *self.last.lock().await = Some(fetch);
            tokio::select! {
                () = tokio::time::sleep(REFRESH) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn fetch(&self) -> Fetch {
        let worked = match self.issuer.fetch().await {
            Ok(keys) => {
                tracing::debug!(keys = keys.len(), "the identity provider's keys");
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
                true
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the identity provider's keys cannot be fetched"
                );
                false
            }
        };
        Fetch { at: Instant::now(), worked }
    }
}
