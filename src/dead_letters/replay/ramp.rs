//! How many messages of a replay are sent at once, and when a group of them is left alone: small numbers first, each seen to its end
//! before the next; and as soon as too large a share of a group has failed again, the rest of that group is kept.

use std::collections::HashMap;

use uuid::Uuid;

/// The numbers before the full rate.
const STEPS: [i32; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/// How many are sent at once after `stage` of them went well; no more than `rate`.
pub fn next_stage(stage: i32, rate: i32) -> i32 {
    STEPS.into_iter().find(|step| *step > stage).unwrap_or(rate).min(rate)
}

/// How the groups of a replay fare.
#[derive(Debug, Default)]
pub struct Fares {
    limit: f64,
    groups: HashMap<Option<Uuid>, Fare>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Fare {
    applied: i64,
    failed: i64,
    is_kept: bool,
}

impl Fares {
    /// `limit`: the share of a group that may fail again, from 0 to 1.
    pub fn new(limit: f64) -> Self {
        Self { limit, groups: HashMap::new() }
    }

    /// What is known from before the operation was resumed.
    pub fn remember(&mut self, group: Option<Uuid>, applied: i64, failed: i64) {
        let fare = self.groups.entry(group).or_default();
        fare.applied += applied;
        fare.failed += failed;
    }

    pub fn applied(&mut self, group: Option<Uuid>) {
        self.groups.entry(group).or_default().applied += 1;
    }

    pub fn failed(&mut self, group: Option<Uuid>) {
        self.groups.entry(group).or_default().failed += 1;
    }

    /// The groups whose rest is to be kept from now on, each said once, with how many of how many have failed again.
    pub fn hopeless(&mut self) -> Vec<(Option<Uuid>, i64, i64)> {
        let mut hopeless = Vec::new();
        for (group, fare) in &mut self.groups {
            let ended = fare.applied + fare.failed;
            if !fare.is_kept && fare.failed > 0 && fare.failed as f64 > self.limit * ended as f64 {
                fare.is_kept = true;
                hopeless.push((*group, fare.failed, ended));
            }
        }
        hopeless
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_begins_with_one_and_ends_at_its_rate() {
        let mut stages = vec![1];
        for _ in 0..6 {
            stages.push(next_stage(stages[stages.len() - 1], 75));
        }
        assert_eq!(stages, [1, 2, 5, 10, 20, 50, 75]);
        assert_eq!(next_stage(75, 75), 75);
        assert_eq!(next_stage(1000, 5000), 5000);
        assert_eq!(next_stage(1, 1), 1);
    }

    #[test]
    fn a_group_is_kept_once_its_share_of_failures_passes_the_limit_and_the_others_are_not() {
        let mut fares = Fares::new(0.05);
        let (good, bad) = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
        for _ in 0..19 {
            fares.applied(good);
            fares.applied(bad);
        }
        fares.failed(bad);
        assert!(fares.hopeless().is_empty(), "1 of 20 is the limit");
        fares.failed(bad);
        assert_eq!(fares.hopeless(), [(bad, 2, 21)]);
        fares.failed(bad);
        assert!(fares.hopeless().is_empty(), "said once");
        fares.failed(None);
        assert_eq!(fares.hopeless(), [(None, 1, 1)], "the first of a group that fails is enough");
    }
}
