//! Proofs that were judged a moment ago, so that a busy caller costs a hash and a look, not a signature or a query. Keyed by the
//! SHA-256 of what was presented: no credential stays in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::access::Actor;

/// A proof is judged anew after one to two turns: the longest that a revoked API key is still accepted is twice this.
const TURN: Duration = Duration::from_secs(5);
/// Most proofs of one turn, some 300 bytes each. More callers than this are judged each time.
const MOST: usize = 20_000;

/// What was proven.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub actor: Actor,
    /// Seconds since 1970; `None`: without end.
    pub valid_until: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Recent(Mutex<Generations>);

#[derive(Debug)]
struct Generations {
    young: HashMap<[u8; 32], Known>,
    old: HashMap<[u8; 32], Known>,
    since: Instant,
}

impl Default for Recent {
    fn default() -> Self {
        Self(Mutex::new(Generations { young: HashMap::new(), old: HashMap::new(), since: Instant::now() }))
    }
}

impl Recent {
    /// `now`: seconds since 1970.
    pub(super) fn get(&self, hash: &[u8; 32], now: u64) -> Option<Actor> {
        let generations = self.turned(Instant::now());
        let known = generations.young.get(hash).or_else(|| generations.old.get(hash))?;
        known.valid_until.is_none_or(|until| now < until).then(|| known.actor.clone())
    }

    pub(super) fn put(&self, hash: [u8; 32], known: Known) {
        let mut generations = self.turned(Instant::now());
        if generations.young.len() < MOST {
            generations.young.insert(hash, known);
        }
    }

    fn turned(&self, now: Instant) -> MutexGuard<'_, Generations> {
        // maps are never half changed, so a panic elsewhere leaves them usable
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let age = now.duration_since(generations.since);
        if age >= TURN {
            let young = std::mem::take(&mut generations.young);
            generations.old = if age < 2 * TURN { young } else { HashMap::new() };
            generations.since = now;
        }
        generations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_remembered_for_two_turns_at_most_and_never_beyond_its_end() {
        let recent = Recent::default();
        let known = Known { actor: Actor::anyone(), valid_until: Some(100) };
        recent.put([7; 32], known);
        assert_eq!(recent.get(&[7; 32], 99), Some(Actor::anyone()));
        assert_eq!(recent.get(&[7; 32], 100), None);
        assert_eq!(recent.get(&[8; 32], 99), None);
        let start = Instant::now();
        assert_eq!(recent.turned(start + TURN).old.len(), 1);
        assert!(recent.turned(start + 3 * TURN).old.is_empty());
    }
}
