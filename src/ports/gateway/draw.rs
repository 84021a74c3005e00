//! What the simulated gateway will do with a request: a pure function of its settings, the key and the attempt, so that every
//! process and every restart draws the same. Used by [`super::SimulatedGateway`].

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::ChargeRequest;

/// A share from 0 (never) to 1 (always).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate(f64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a number from 0 to 1")]
pub struct InvalidRate;

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate)).map(Self).ok_or(InvalidRate)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How the simulated gateway behaves towards orders without a test token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Behaviour {
    pub seed: u64,
    pub decline_rate: Rate,
    pub error_rate: Rate,
    pub fastest: Duration,
    pub slowest: Duration,
}

/// What a charge comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Taken,
    /// The money moves and the answer does not arrive.
    TakenUnanswered,
    Declined(&'static str),
    Unavailable,
    Timeout,
    /// Decided later and told by webhook.
    Pending(Later),
}

/// How a pending charge ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Later {
    Succeeds,
    Fails(&'static str),
    /// Nobody is ever told.
    Silent,
    /// Succeeds after [`SLOW`] even if it was given up meanwhile, as a gateway does whose void comes too late.
    SucceedsAnyway,
}

/// The latency of `tok_slow`: long enough that whoever waits in memory shows.
pub(super) const SLOW: Duration = Duration::from_secs(5);

/// Codes that a drawn decline carries, as card networks name their commonest ones.
const DECLINE_CODES: [&str; 3] = ["card_declined", "insufficient_funds", "expired_card"];

impl Behaviour {
    /// What happens to this charge and how long it takes. A test token decides alone; without one (or with a token that is
    /// none of the test tokens) the rates do: declines depend on the key only, errors on key and attempt. `attempt` is
    /// at least the message's own.
    pub(super) fn charge(&self, request: &ChargeRequest, attempt: u32) -> (Outcome, Duration) {
        let latency = self.latency(request.key, attempt);
        let fails_until = |attempts| if attempt <= attempts { Outcome::Unavailable } else { Outcome::Taken };
        match request.token.as_deref() {
            Some("tok_visa") => (Outcome::Taken, latency),
            Some("tok_declined") => (Outcome::Declined("insufficient_funds"), latency),
            Some("tok_timeout") => (Outcome::Timeout, latency),
            Some("tok_error_once") => (fails_until(1), latency),
            Some("tok_error_twice") => (fails_until(2), latency),
            Some("tok_error_always") => (Outcome::Unavailable, latency),
            Some("tok_slow") => (Outcome::Taken, SLOW),
            Some("tok_pending") => (Outcome::Pending(Later::Succeeds), latency),
            Some("tok_pending_declined") => (Outcome::Pending(Later::Fails("insufficient_funds")), latency),
            Some("tok_pending_silent") => (Outcome::Pending(Later::Silent), latency),
            Some("tok_pending_late") => (Outcome::Pending(Later::SucceedsAnyway), latency),
            Some(_) | None => (self.drawn(request.key, attempt), latency),
        }
    }

    fn drawn(&self, key: Uuid, attempt: u32) -> Outcome {
        let decision = if self.happens("decline", key, 0, self.decline_rate) {
            let index = self.number("decline code", key, 0) % DECLINE_CODES.len() as u64;
            Outcome::Declined(DECLINE_CODES[index as usize])
        } else {
            Outcome::Taken
        };
        if !self.happens("error", key, attempt, self.error_rate) {
            return decision;
        }
        // Half of the errors are the bad kind, in which the caller cannot know what happened.
        match (self.number("kind of error", key, attempt) % 2, decision) {
            (0, _) => Outcome::Unavailable,
            (_, Outcome::Taken) => Outcome::TakenUnanswered,
            (_, _) => Outcome::Timeout,
        }
    }

    pub(super) fn latency(&self, key: Uuid, attempt: u32) -> Duration {
        let range = self.slowest.saturating_sub(self.fastest);
        self.fastest + range.mul_f64(self.share("latency", key, attempt))
    }

    fn happens(&self, question: &str, key: Uuid, attempt: u32, rate: Rate) -> bool {
        self.share(question, key, attempt) < rate.0
    }

    /// From 0 to below 1, in steps that an f64 holds exactly (53 bits).
    fn share(&self, question: &str, key: Uuid, attempt: u32) -> f64 {
        (self.number(question, key, attempt) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// SHA-256, because its values are the same in every build, unlike those of a random generator's crate.
    fn number(&self, question: &str, key: Uuid, attempt: u32) -> u64 {
        let digest = Sha256::new()
            .chain_update(self.seed.to_be_bytes())
            .chain_update(question.as_bytes())
            .chain_update(key.as_bytes())
            .chain_update(attempt.to_be_bytes())
            .finalize();
        digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Money;

    fn request(key: u128, token: Option<&str>, attempt: u32) -> ChargeRequest {
        let token = token.map(str::to_owned);
        ChargeRequest { key: Uuid::from_u128(key), amount: Money::ZERO, token, attempt }
    }

    fn behaviour(decline: &str, error: &str) -> Behaviour {
        let (decline_rate, error_rate) = (decline.parse().expect("a rate"), error.parse().expect("a rate"));
        Behaviour { seed: 7, decline_rate, error_rate, ..Behaviour::default() }
    }

    #[test]
    fn every_test_token_ends_as_its_name_says_whatever_the_rates_are() {
        let gateway = behaviour("1", "1");
        for (token, attempt, expected) in [
            ("tok_visa", 1, Outcome::Taken),
            ("tok_declined", 3, Outcome::Declined("insufficient_funds")),
            ("tok_timeout", 9, Outcome::Timeout),
            ("tok_error_once", 1, Outcome::Unavailable),
            ("tok_error_once", 2, Outcome::Taken),
            ("tok_error_twice", 2, Outcome::Unavailable),
            ("tok_error_twice", 3, Outcome::Taken),
            ("tok_error_always", 99, Outcome::Unavailable),
            ("tok_slow", 1, Outcome::Taken),
            ("tok_pending", 2, Outcome::Pending(Later::Succeeds)),
            ("tok_pending_declined", 1, Outcome::Pending(Later::Fails("insufficient_funds"))),
            ("tok_pending_silent", 1, Outcome::Pending(Later::Silent)),
            ("tok_pending_late", 1, Outcome::Pending(Later::SucceedsAnyway)),
        ] {
            assert_eq!(gateway.charge(&request(1, Some(token), attempt), attempt).0, expected, "{token}");
        }
        assert_eq!(gateway.charge(&request(1, Some("tok_slow"), 1), 1).1, SLOW);
    }

    #[test]
    fn the_rates_are_met_and_a_declined_key_stays_declined_in_every_attempt() {
        let gateway = behaviour("0.2", "0.3");
        let (mut declined, mut errors) = (0, 0);
        for key in 0..2_000 {
            let decisions: Vec<bool> = (1..20)
                .filter_map(|attempt| match gateway.charge(&request(key, None, attempt), attempt).0 {
                    Outcome::Taken | Outcome::TakenUnanswered => Some(false),
                    Outcome::Declined(_) => Some(true),
                    Outcome::Unavailable | Outcome::Timeout | Outcome::Pending(_) => None,
                })
                .collect();
            assert!(decisions.windows(2).all(|pair| pair[0] == pair[1]), "key {key}");
            declined += usize::from(decisions[0]);
            let first = gateway.charge(&request(key, None, 1), 1).0;
            errors += usize::from(matches!(first, Outcome::Unavailable | Outcome::Timeout | Outcome::TakenUnanswered));
        }
        assert!((340..460).contains(&declined), "{declined} declined of 2000 at 0.2");
        assert!((520..680).contains(&errors), "{errors} errors of 2000 at 0.3");
    }

    #[test]
    fn another_seed_draws_otherwise_and_the_same_seed_the_same_for_ever() {
        let outcomes = |seed| {
            let gateway = Behaviour { seed, ..behaviour("0.5", "0") };
            let draw = |key| gateway.charge(&request(key, None, 1), 1).0 == Outcome::Taken;
            (0..16).map(draw).fold(0_u16, |bits, taken| bits << 1 | u16::from(taken))
        };
        assert_ne!(outcomes(7), outcomes(8));
        // Computed apart from this code (SHA-256 by another program): a change would let payments end differently after an upgrade.
        assert_eq!(outcomes(7), 24_062);
    }

    #[test]
    fn the_latency_stays_in_its_range() {
        let (fastest, slowest) = (Duration::from_millis(50), Duration::from_millis(200));
        let gateway = Behaviour { fastest, slowest, ..Behaviour::default() };
        for key in 0..200 {
            assert!((fastest..=slowest).contains(&gateway.charge(&request(key, None, 1), 1).1));
        }
    }

    #[test]
    fn a_rate_outside_its_range_is_refused() {
        for bad in ["-0.1", "1.1", "NaN", "half", ""] {
            assert_eq!(bad.parse::<Rate>(), Err(InvalidRate), "{bad}");
        }
    }
}
