//! The one decision about a message that was not handled: try again later, or give it to the operator.

use super::Failure;

/// Why a message is in `dead_letters`; the code is in the header `fleet-reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeadLetterReason {
    BadMessage,
    Refused,
    AttemptsExhausted,
    Panicked,
    Poisonous,
    /// Not failed: it waits until its order may go on.
    Parked,
    /// Not failed: an operator took it out of its queue.
    Drained,
}

impl DeadLetterReason {
    pub const ALL: [Self; 7] = [
        Self::BadMessage,
        Self::Refused,
        Self::AttemptsExhausted,
        Self::Panicked,
        Self::Poisonous,
        Self::Parked,
        Self::Drained,
    ];

    pub fn code(self) -> &'static str {
        match self {
            Self::BadMessage => "bad_message",
            Self::Refused => "refused",
            Self::AttemptsExhausted => "attempts_exhausted",
            Self::Panicked => "panicked",
            Self::Poisonous => "poisonous",
            Self::Parked => "parked",
            Self::Drained => "drained",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Publish to this rung of the ladder, counted from 0.
    Retry {
        rung: usize,
    },
    /// Publish to this rung; the message keeps its attempt.
    Wait {
        rung: usize,
    },
    DeadLetter(DeadLetterReason),
}

/// Decides by the failure, by the attempt that failed (1 is the first), and by how many rungs the queue's ladder has.
pub fn settle(failure: &Failure, attempt: u32, rungs: usize) -> Settlement {
    let rung = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let climb = |exhausted| match rung < rungs {
        true => Settlement::Retry { rung },
        false => Settlement::DeadLetter(exhausted),
    };
    match failure {
        Failure::BadMessage(_) => Settlement::DeadLetter(DeadLetterReason::BadMessage),
        Failure::Refused(_) => Settlement::DeadLetter(DeadLetterReason::Refused),
        Failure::Poisonous(_) => Settlement::DeadLetter(DeadLetterReason::Poisonous),
        Failure::Parked(_) => Settlement::DeadLetter(DeadLetterReason::Parked),
        Failure::Transient(_) => climb(DeadLetterReason::AttemptsExhausted),
        Failure::Panicked(_) => climb(DeadLetterReason::Panicked),
        Failure::NotNow { rung, .. } => Settlement::Wait { rung: (*rung).min(rungs.saturating_sub(1)) },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn three_rungs_then_the_operator() {
        let failure = Failure::Transient("timeout".into());
        let path: Vec<Settlement> = (1..=4).map(|attempt| settle(&failure, attempt, 3)).collect();
        assert_eq!(
            path,
            [
                Settlement::Retry { rung: 0 },
                Settlement::Retry { rung: 1 },
                Settlement::Retry { rung: 2 },
                Settlement::DeadLetter(DeadLetterReason::AttemptsExhausted),
            ]
        );
    }

    #[test]
    fn a_message_whose_turn_has_not_come_waits_on_a_rung_that_exists_and_is_never_given_up() {
        for (rung, expected) in [(0, 0), (2, 2), (9, 3)] {
            let failure = Failure::NotNow { rung, why: "away".into() };
            assert_eq!(settle(&failure, 99, 4), Settlement::Wait { rung: expected });
        }
    }

    proptest! {
        #[test]
        fn what_cannot_be_read_or_is_refused_is_never_retried(attempt in any::<u32>()) {
            for failure in [Failure::BadMessage("x".into()), Failure::Refused("x".into())] {
                prop_assert!(matches!(settle(&failure, attempt, 3), Settlement::DeadLetter(_)));
            }
        }

        #[test]
        fn every_message_ends_after_finitely_many_attempts(attempt in 4_u32..) {
            for failure in [Failure::Transient("x".into()), Failure::Panicked("x".into())] {
                prop_assert!(matches!(settle(&failure, attempt, 3), Settlement::DeadLetter(_)));
            }
        }
    }
}
