//! What a consumer takes, counted from one heartbeat to the next. The consumer writes, one look at a time reads; nobody waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Shared by a consumer and whoever looks at it.
#[derive(Debug, Default)]
pub struct Taking {
    taken: AtomicU64,
    /// Milliseconds and one: 0 says that none is known.
    oldest: AtomicU64,
    in_hand: AtomicU64,
}

/// What was taken since the last look, and what is in hand now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub taken: u64,
    /// The longest wait among those whose sender says when it was published.
    pub oldest: Option<Duration>,
    pub in_hand: u64,
}

impl Taking {
    /// One more, which had waited for so long.
    pub fn took(&self, waited: Option<Duration>) {
        self.taken.fetch_add(1, Ordering::Relaxed);
        if let Some(waited) = waited {
            let millis = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX - 1);
            self.oldest.fetch_max(millis.saturating_add(1), Ordering::Relaxed);
        }
    }

    pub fn holds(&self, in_hand: usize) {
        self.in_hand.store(u64::try_from(in_hand).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Starts a new interval.
    pub fn look(&self) -> Taken {
        Taken {
            taken: self.taken.swap(0, Ordering::Relaxed),
            oldest: self.oldest.swap(0, Ordering::Relaxed).checked_sub(1).map(Duration::from_millis),
            in_hand: self.in_hand.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_counts_and_only_until_the_next_look() {
        let taking = Taking::default();
        taking.took(Some(Duration::from_secs(2)));
        taking.took(Some(Duration::from_secs(7)));
        taking.took(None);
        taking.holds(3);
        assert_eq!(taking.look(), Taken { taken: 3, oldest: Some(Duration::from_secs(7)), in_hand: 3 });
        assert_eq!(taking.look(), Taken { taken: 0, oldest: None, in_hand: 3 });
        taking.took(Some(Duration::ZERO));
        assert_eq!(taking.look().oldest, Some(Duration::ZERO));
    }
}
