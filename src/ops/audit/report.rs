//! The answer of an audit. Its JSON is what `orders audit --json` prints.

use serde::Serialize;
use time::OffsetDateTime;

use super::{Invariant, QueueDepth, Violation};
use crate::store::audit::{Activity, DeadLetterCount, OutboxRow};

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub clean: bool,
    /// When the snapshot was taken, by the database's clock.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Only orders created from then on were judged.
    #[serde(with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    pub orders: i64,
    /// Absent when no quiet moment was waited for.
    pub settled: Option<Settled>,
    pub invariants: Vec<Verdict>,
    pub explained: Explained,
    /// `None` when the broker was left out.
    pub queues: Option<Vec<QueueDepth>>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Settled {
    /// Whether the fleet became quiet in time.
    pub quiet: bool,
    pub waited_seconds: f64,
}

/// The judgement of one law.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub invariant: Invariant,
    pub name: &'static str,
    pub explanation: &'static str,
    /// Rows that were judged; `None` when the law was not judged.
    pub checked: Option<i64>,
    /// In all; more than are listed when there are more than the limit.
    pub total: i64,
    pub violations: Vec<Violation>,
}

/// What looks unfinished and has a reason.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Explained {
    #[serde(flatten)]
    pub activity: Activity,
    /// Effects that are missing, and as many messages on their way that may bring them.
    pub in_flight: Vec<Violation>,
    pub parked: Vec<OutboxRow>,
    pub parked_total: i64,
    /// Not resolved, by queue and reason.
    pub dead_letters: Vec<DeadLetterCount>,
}

impl Report {
    pub fn total(&self) -> i64 {
        self.invariants.iter().map(|verdict| verdict.total).sum()
    }

    /// Whether waiting may make it clean.
    pub fn may_heal(&self) -> bool {
        self.invariants.iter().flat_map(|verdict| &verdict.violations).any(Violation::may_heal)
    }

    /// Keeps at most so many violations of each law.
    #[must_use]
    pub fn limited_to(mut self, limit: usize) -> Self {
        for verdict in &mut self.invariants {
            verdict.violations.truncate(limit);
        }
        self.explained.in_flight.truncate(limit);
        self.explained.parked.truncate(limit);
        self
    }
}
