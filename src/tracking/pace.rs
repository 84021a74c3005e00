//! How often the poll looks: soon again while things happen, rarely while nothing does, and never so often that looking becomes work.

use std::time::Duration;

/// What one look has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Found {
    Nothing,
    Something,
    /// A page was full.
    More,
}

/// A person sees no delay below this, and an order takes some such steps in a second.
const SHORTEST: Duration = Duration::from_millis(100);
/// Between the looks while nothing happens.
const LONGEST: Duration = Duration::from_secs(1);
/// After a look that failed: the database is away for seconds, not for moments.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// A look may take at most this share of the time, one part in so many: with many watchers it is slower, not dearer.
const SHARE: u32 = 10;

#[derive(Debug)]
pub(super) struct Pace {
    pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { pause: SHORTEST }
    }
}

impl Pace {
    /// The pause after a look that took `took`; `None` if it failed.
    pub fn after(&mut self, found: Option<Found>, took: Duration) -> Duration {
        self.pause = match found {
            // those who came back are served as fast as the database reads, half of the time at most
            Some(Found::More) => return took,
            Some(Found::Something) => SHORTEST,
            Some(Found::Nothing) => (self.pause * 3 / 2).min(LONGEST),
            None => AFTER_FAILURE,
        };
        self.pause.max(took * SHARE)
    }

    /// The shortest pause before somebody who has just come is served: what comes at once is served together.
    pub fn for_newcomers(&self, took: Duration) -> Duration {
        Duration::from_millis(10).max(took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_slows_down_while_nothing_happens_and_is_awake_when_something_does() {
        let mut pace = Pace::default();
        let quick = Duration::from_millis(1);
        let pauses: Vec<Duration> = (0..20).map(|_| pace.after(Some(Found::Nothing), quick)).collect();
        assert!(pauses.is_sorted() && pauses.last() == Some(&LONGEST), "{pauses:?}");
        assert_eq!(pace.after(Some(Found::Something), quick), SHORTEST);
        assert_eq!(pace.after(None, quick), AFTER_FAILURE);
    }

    #[test]
    fn a_look_that_takes_long_is_taken_rarely() {
        let mut pace = Pace::default();
        assert_eq!(pace.after(Some(Found::Something), Duration::from_millis(300)), Duration::from_secs(3));
    }
}
