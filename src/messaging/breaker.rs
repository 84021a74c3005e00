//! The circuit breaker around a consumer's outside calls. While the dependency is down, messages wait here instead of spending
//! their attempts; one probe at a time finds out when it is back.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::contract::instance::BreakerState;

/// Results that the rate is taken over.
const WINDOW: usize = 20;
/// Fewer results say nothing about a rate.
const ENOUGH: usize = 10;
/// So many failures in a row open the breaker also where little is going on. One message alone fails at most four times.
const IN_A_ROW: usize = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    /// No calls before this time.
    Open(Instant),
    /// One call is on its way to find out.
    Probing,
}

/// What may be called now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    All,
    One,
    Nothing,
}

#[derive(Debug)]
pub struct Breaker {
    state: State,
    recent: VecDeque<bool>,
    pause: Duration,
    /// When it opened, or closed again. The probes in between do not count.
    since: Option<Instant>,
    /// The share of failures that opened it.
    opened_by: f64,
}

impl Default for Breaker {
    fn default() -> Self {
        let recent = VecDeque::with_capacity(WINDOW);
        Self { state: State::Closed, recent, pause: FIRST_PAUSE, since: None, opened_by: 0.0 }
    }
}

/// A breaker as an operator sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    pub state: BreakerState,
    /// When it opened, or closed again; `None` when it never opened.
    pub since: Option<Instant>,
    /// Share of failures among the last calls; while it is not closed, the share that opened it.
    pub failure_share: f64,
}

impl Breaker {
    pub fn admission(&mut self, now: Instant) -> Admission {
        match self.state {
            State::Closed => Admission::All,
            State::Open(until) if now >= until => {
                self.state = State::Probing;
                Admission::One
            }
            State::Open(_) | State::Probing => Admission::Nothing,
        }
    }

    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    pub fn reading(&self) -> Reading {
        let (state, failure_share) = match self.state {
            State::Closed => (BreakerState::Closed, self.failure_share()),
            State::Open(_) => (BreakerState::Open, self.opened_by),
            State::Probing => (BreakerState::HalfOpen, self.opened_by),
        };
        Reading { state, since: self.since, failure_share }
    }

    /// When the next probe may go out.
    pub fn next_probe(&self) -> Option<Instant> {
        match self.state {
            State::Open(until) => Some(until),
            State::Closed | State::Probing => None,
        }
    }

    /// Takes note of a result; answers whether the breaker has just changed its mind.
    pub fn record(&mut self, succeeded: bool, now: Instant) -> bool {
        match (self.state, succeeded) {
            (State::Probing, true) => {
                *self = Self { since: Some(now), ..Self::default() };
                true
            }
            (State::Probing, false) => {
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                self.open(now);
                false
            }
            // Calls that were on their way when it opened.
            (State::Open(_), _) => false,
            (State::Closed, _) => {
                if self.recent.len() == WINDOW {
                    self.recent.pop_front();
                }
                self.recent.push_back(succeeded);
                let opens = self.has_failed_too_often();
                if opens {
                    self.opened_by = self.failure_share();
                    self.since = Some(now);
                    self.open(now);
                }
                opens
            }
        }
    }

    /// A session that ended took its probe with it.
    pub fn forget_probe(&mut self, now: Instant) {
        if self.state == State::Probing {
            self.open(now);
        }
    }

    fn open(&mut self, now: Instant) {
        self.recent.clear();
        self.state = State::Open(now + self.pause.mul_f64(0.5 + 0.5 * fastrand::f64()));
    }

    fn failed(&self) -> usize {
        self.recent.iter().filter(|succeeded| !**succeeded).count()
    }

    fn failure_share(&self) -> f64 {
        if self.recent.is_empty() { 0.0 } else { self.failed() as f64 / self.recent.len() as f64 }
    }

    fn has_failed_too_often(&self) -> bool {
        let in_a_row = self.recent.iter().rev().take_while(|succeeded| !**succeeded).count();
        in_a_row >= IN_A_ROW || (self.recent.len() >= ENOUGH && self.failed() * 2 >= self.recent.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(breaker: &mut Breaker, results: &[bool]) {
        for result in results {
            breaker.record(*result, Instant::now());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_message_that_always_fails_does_not_open_it() {
        let mut breaker = Breaker::default();
        after(&mut breaker, &[false; 4]);
        assert_eq!(breaker.admission(Instant::now()), Admission::All);
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_on_failures_in_a_row_and_on_half_of_many() {
        let mut in_a_row = Breaker::default();
        after(&mut in_a_row, &[false; 5]);
        assert!(!in_a_row.is_closed());
        let mut rate = Breaker::default();
        after(&mut rate, &[true, false].repeat(5));
        assert!(!rate.is_closed());
        let mut fine = Breaker::default();
        after(&mut fine, &[true, true, false].repeat(20));
        assert!(fine.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_at_a_time_decides_when_it_closes() {
        let mut breaker = Breaker::default();
        after(&mut breaker, &[false; 5]);
        assert_eq!(breaker.admission(Instant::now()), Admission::Nothing);
        tokio::time::advance(LONGEST_PAUSE).await;
        assert_eq!(breaker.admission(Instant::now()), Admission::One);
        assert_eq!(breaker.admission(Instant::now()), Admission::Nothing);
        breaker.record(false, Instant::now());
        assert_eq!(breaker.admission(Instant::now()), Admission::Nothing);
        tokio::time::advance(LONGEST_PAUSE).await;
        assert_eq!(breaker.admission(Instant::now()), Admission::One);
        assert!(breaker.record(true, Instant::now()));
        assert_eq!(breaker.admission(Instant::now()), Admission::All);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_ended_with_its_session_is_made_again() {
        let mut breaker = Breaker::default();
        after(&mut breaker, &[false; 5]);
        tokio::time::advance(LONGEST_PAUSE).await;
        assert_eq!(breaker.admission(Instant::now()), Admission::One);
        breaker.forget_probe(Instant::now());
        tokio::time::advance(LONGEST_PAUSE).await;
        assert_eq!(breaker.admission(Instant::now()), Admission::One);
    }

    #[tokio::test(start_paused = true)]
    async fn it_says_since_when_it_is_open_and_what_opened_it() {
        let mut breaker = Breaker::default();
        after(&mut breaker, &[true, false, true, true]);
        let reading = breaker.reading();
        assert_eq!((reading.state, reading.since, reading.failure_share), (BreakerState::Closed, None, 0.25));
        let opened = Instant::now();
        after(&mut breaker, &[false; 5]);
        let open = Reading { state: BreakerState::Open, since: Some(opened), failure_share: 6.0 / 9.0 };
        assert_eq!(breaker.reading(), open);
        tokio::time::advance(LONGEST_PAUSE).await;
        breaker.admission(Instant::now());
        assert_eq!(breaker.reading(), Reading { state: BreakerState::HalfOpen, ..open });
        breaker.record(false, Instant::now());
        assert_eq!(breaker.reading(), open);
        tokio::time::advance(LONGEST_PAUSE).await;
        breaker.admission(Instant::now());
        breaker.record(true, Instant::now());
        let closed = Reading { state: BreakerState::Closed, since: Some(Instant::now()), failure_share: 0.0 };
        assert_eq!(breaker.reading(), closed);
    }
}
