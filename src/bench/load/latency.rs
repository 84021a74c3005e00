//! Latencies in an HDR histogram. An open loop counts from the moment an order was due, not from the moment it was sent.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Three digits: 1,234 µs and 1,235 µs are the same, 0.1 % of a latency is nobody's concern.
const DIGITS: u8 = 3;

/// An hour: no answer is waited for so long. Bounds are fixed because a histogram that must grow does not saturate.
const LONGEST: u64 = 3_600_000_000;

/// Microseconds.
#[derive(Clone, Debug)]
pub struct Latencies(Option<Histogram<u64>>);

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencySummary {
    pub count: u64,
    pub mean: f64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST, DIGITS).ok())
    }
}

impl Latencies {
    /// `due` is when the work should have begun: the schedule's time in an open loop, the time of sending in a closed one.
    pub fn record(&mut self, due: Instant, done: Instant) {
        self.record_duration(done.saturating_duration_since(due));
    }

    pub fn record_duration(&mut self, latency: Duration) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        }
    }

    /// `None` while nothing was recorded.
    pub fn summary(&self) -> Option<LatencySummary> {
        let histogram = self.0.as_ref().filter(|histogram| !histogram.is_empty())?;
        let quantile = |share| milliseconds(histogram.value_at_quantile(share));
        Some(LatencySummary {
            count: histogram.len(),
            mean: histogram.mean() / 1_000.0,
            p50: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
            p999: quantile(0.999),
            max: milliseconds(histogram.max()),
        })
    }
}

fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_counts_for_every_order_that_was_due_in_it() {
        // one order per 10 ms for a second; the API answers at once, but stands still for the second half
        let start = Instant::now();
        let mut latencies = Latencies::default();
        for number in 0..100_u32 {
            let due = start + Duration::from_millis(10) * number;
            let sent = if number < 50 { due } else { start + Duration::from_secs(1) };
            latencies.record(due, sent + Duration::from_millis(1));
        }
        let summary = latencies.summary().expect("a hundred latencies");
        assert_eq!(summary.count, 100);
        assert!(summary.p50 < 2.0, "{summary:?}");
        assert!((450.0..510.0).contains(&summary.p95), "{summary:?}");
        assert!((500.0..510.0).contains(&summary.max), "measured from sending, this would be 1 ms: {summary:?}");
    }

    #[test]
    fn an_answer_before_its_time_is_no_negative_latency() {
        let now = Instant::now();
        let mut latencies = Latencies::default();
        assert_eq!(latencies.summary(), None);
        latencies.record(now + Duration::from_secs(1), now);
        assert_eq!(latencies.summary().expect("one").max, 0.0);
    }
}
