//! How many requests a caller may make: so many at once, and again as many per window.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// Longest window in seconds: a day. Longer ones belong to contracts, not to protection.
const LONGEST: u64 = 86_400;

/// `6000/60s`: 6000 at once, which come back evenly within 60 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub count: NonZeroU32,
    pub window: Duration,
}

impl Quota {
    /// Time after which one request more is possible.
    pub fn interval(self) -> Duration {
        self.window / self.count.get()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of requests and a time of up to a day, as in 6000/60s, or off")]
pub struct NoQuota;

impl FromStr for Quota {
    type Err = NoQuota;

    fn from_str(text: &str) -> Result<Self, NoQuota> {
        let (count, window) = text.split_once('/').ok_or(NoQuota)?;
        let digits = window.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &window[digits.len()..] {
            "" | "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return Err(NoQuota),
        };
        let number = if digits.is_empty() { 1 } else { digits.parse::<u64>().map_err(|_| NoQuota)? };
        let seconds = number.checked_mul(unit).filter(|seconds| (1..=LONGEST).contains(seconds)).ok_or(NoQuota)?;
        Ok(Self { count: count.parse().map_err(|_| NoQuota)?, window: Duration::from_secs(seconds) })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}s", self.count, self.window.as_secs())
    }
}

/// Where a caller stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The request counts.
    Within {
        /// So many more are possible at once.
        remaining: u32,
        /// Time until all are.
        full_in: Duration,
    },
    /// The request does not count; time until one is possible.
    Exhausted { retry_in: Duration },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_written_as_numbers_and_times() {
        for (text, count, seconds) in
            [("6000/60s", 6000, 60), ("10/s", 10, 1), ("100/1m", 100, 60), ("5/24h", 5, 86_400)]
        {
            let quota: Quota = text.parse().expect(text);
            assert_eq!((quota.count.get(), quota.window.as_secs()), (count, seconds), "{text}");
            assert_eq!(quota.to_string().parse(), Ok(quota));
        }
        for wrong in ["", "6000", "0/60s", "-1/60s", "5/0s", "5/25h", "5/day", "x/60s", "5/60s/2", "5000000000/s"] {
            assert_eq!(wrong.parse::<Quota>(), Err(NoQuota), "{wrong}");
        }
    }
}
