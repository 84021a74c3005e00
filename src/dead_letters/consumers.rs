//! What the fleet's consumers would do with a dead letter, asked without doing it. The services answer; whoever starts the process
//! brings them here.

use std::fmt;
use std::pin::Pin;

use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

use super::mask::mask_text;
use crate::store::dead_letters::DeadLetter;

/// What would happen if a dead letter were replayed now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[schema(as = ReplayVerdict)]
pub enum Verdict {
    /// It would have effects.
    Apply {
        /// Rows that would be written, as in `2 orders`.
        writes: Vec<String>,
        /// Messages that would follow, by type.
        publishes: Vec<String>,
        /// Who would be called, which was not tried.
        calls: Option<String>,
    },
    /// It would change nothing.
    Skip { why: String },
    /// It would fail again.
    Fail {
        error: String,
        /// Its consumer cannot read it: what it says must be mended, not what is around it.
        is_unreadable: bool,
    },
    /// Nobody can tell.
    Unknown { why: String },
}

impl Verdict {
    /// For counting.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Apply { .. } => "would be applied",
            Self::Skip { .. } => "would be skipped",
            Self::Fail { .. } => "would fail again",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Without personal data.
    pub fn masked(self) -> Self {
        match self {
            Self::Apply { .. } => self,
            Self::Skip { why } => Self::Skip { why: mask_text(&why) },
            Self::Fail { error, is_unreadable } => Self::Fail { error: mask_text(&error), is_unreadable },
            Self::Unknown { why } => Self::Unknown { why: mask_text(&why) },
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())?;
        match self {
            Self::Apply { writes, publishes, calls } => {
                let mut parts = Vec::new();
                if let Some(who) = calls {
                    parts.push(format!("calls {who}"));
                }
                if !writes.is_empty() {
                    parts.push(format!("writes {}", writes.join(", ")));
                }
                if !publishes.is_empty() {
                    parts.push(format!("publishes {}", publishes.join(", ")));
                }
                if parts.is_empty() { Ok(()) } else { write!(f, ": {}", parts.join("; ")) }
            }
            Self::Skip { why } | Self::Fail { error: why, .. } | Self::Unknown { why } => write!(f, ": {why}"),
        }
    }
}

/// An answer that takes time.
pub type Rehearsed<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

pub trait Consumers: Send + Sync {
    /// The name under which the consumer of a queue remembers what it has handled; `None` for queues that are not the fleet's.
    fn inbox_of(&self, queue: &str) -> Option<&'static str>;

    /// Whether the consumer of a queue has an effect for every message that it can read and has not handled before: then nothing but its
    /// inbox can make a replay needless, and no rehearsal is needed to know.
    fn applies_all_new(&self, queue: &str) -> bool;

    /// Runs the consumer's own code in a transaction that is rolled back. Calls to the outside are not made.
    fn rehearse<'a>(&'a self, db: &'a PgPool, letter: DeadLetter) -> Rehearsed<'a>;
}
