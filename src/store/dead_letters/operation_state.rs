//! How replays stand, and what becomes of each of their messages.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a replay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReplayState)]
pub enum OperationState {
    Running,
    /// By an operator, or because nothing is seen to end; can be resumed.
    Paused,
    /// By itself: too much failed again. What was not sent is kept.
    Stopped,
    /// By an operator. What was not sent is kept.
    Cancelled,
    Completed,
}

impl OperationState {
    pub const ALL: [Self; 5] = [Self::Running, Self::Paused, Self::Stopped, Self::Cancelled, Self::Completed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
        }
    }

    pub fn has_ended(self) -> bool {
        match self {
            Self::Running | Self::Paused => false,
            Self::Stopped | Self::Cancelled | Self::Completed => true,
        }
    }
}

impl fmt::Display for OperationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no state of a replay: {0:?}")]
pub struct UnknownOperationState(String);

impl FromStr for OperationState {
    type Err = UnknownOperationState;

    fn from_str(text: &str) -> Result<Self, UnknownOperationState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| UnknownOperationState(text.to_owned()))
    }
}

/// What became of one message of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReplayItemState)]
pub enum ItemState {
    Waiting,
    /// The broker has it; its consumer has not answered for it yet.
    Sent,
    /// Its consumer has handled it.
    Applied,
    /// It failed again, or could not be sent; it is unresolved.
    Failed,
    /// Not sent, because it would change nothing, or was not free.
    Skipped,
    /// Sent, and not seen to end.
    Unseen,
    /// Not sent: its like failed again, or the replay was cancelled. It is unresolved.
    Kept,
}

impl ItemState {
    const ALL: [Self; 7] =
        [Self::Waiting, Self::Sent, Self::Applied, Self::Failed, Self::Skipped, Self::Unseen, Self::Kept];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Unseen => "unseen",
            Self::Kept => "kept",
        }
    }
}

impl fmt::Display for ItemState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no state of a message of a replay: {0:?}")]
pub struct UnknownItemState(String);

impl FromStr for ItemState {
    type Err = UnknownItemState;

    fn from_str(text: &str) -> Result<Self, UnknownItemState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| UnknownItemState(text.to_owned()))
    }
}
