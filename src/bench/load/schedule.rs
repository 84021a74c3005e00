//! When each order of an open loop is due. Arrivals do not wait for answers, and lateness of the sender counts as latency: this is what
//! keeps a slow moment from hiding the orders that would have come in it (coordinated omission).

use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

/// A fixed rate from a start.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    start: Instant,
    per_second: f64,
}

/// An order that is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival {
    pub number: u64,
    /// When it should be sent; its latency counts from here.
    pub due: Instant,
}

impl Schedule {
    pub fn new(start: Instant, per_second: f64) -> Self {
        Self { start, per_second }
    }

    /// Computed from the start and not from the arrival before, so that roundings do not add up.
    pub fn due(&self, number: u64) -> Instant {
        self.start + Duration::from_secs_f64(number as f64 / self.per_second)
    }

    /// Announces every arrival when it is due. On a thread of its own: the runtime's timers tick in whole milliseconds, which is as
    /// long as the answers that are measured.
    pub fn announce(self, orders: u64, arrivals: UnboundedSender<Arrival>) {
        std::thread::spawn(move || {
            for number in 0..orders {
                let due = self.due(number);
                if let Some(early) = due.checked_duration_since(Instant::now()) {
                    std::thread::sleep(early);
                }
                if arrivals.send(Arrival { number, due }).is_err() {
                    return;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_evenly_spaced_and_do_not_drift() {
        let start = Instant::now();
        let schedule = Schedule::new(start, 300.0);
        assert_eq!(schedule.due(0), start);
        assert_eq!(schedule.due(300), start + Duration::from_secs(1));
        assert_eq!(schedule.due(3_000_000), start + Duration::from_secs(10_000));
        let gap = schedule.due(1_001) - schedule.due(1_000);
        assert!(gap.abs_diff(Duration::from_nanos(3_333_333)) < Duration::from_nanos(10), "{gap:?}");
    }

    #[tokio::test]
    async fn a_late_sender_announces_what_it_has_missed_at_once_and_with_the_time_it_was_due() {
        let start = Instant::now() - Duration::from_secs(1);
        let (sender, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
        Schedule::new(start, 100.0).announce(50, sender);
        for number in 0..50 {
            let arrival = arrivals.recv().await.expect("fifty arrivals");
            assert_eq!(arrival, Arrival { number, due: start + Duration::from_secs_f64(number as f64 / 100.0) });
        }
        assert!(arrivals.recv().await.is_none());
        assert!(start.elapsed() < Duration::from_secs(3), "nobody waits for times that are over");
    }
}
