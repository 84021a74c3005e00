//! The dead-letter store: one row per message and failed consumer. Written by the dead-letter-handler, read and changed by operators.

mod claim;
mod query;
mod row;
mod upsert;

pub use claim::{Claim, LEASE_MINUTES, Released, claim, discard, release, resolve};
pub use query::{Candidate, Count, Cursor, Filter, InvalidCursor, counts, get, list, newest, replayable, states};
pub use row::{DeadLetter, State, Summary, UnknownState};
pub use upsert::{Arrived, Stored, upsert};
