//! The dead-letter store: one row per message and failed consumer. Written by the dead-letter-handler, read and changed by operators.

mod claim;
mod columns;
mod counts;
mod emptied;
mod groups;
mod items;
mod live;
mod operation_state;
mod operations;
mod query;
mod repair;
mod row;
mod selection;
mod upsert;

pub use claim::{Claim, LEASE_MINUTES, Released, claim, discard, release, resolve, settle_needless};
pub use counts::{Count, CountedBy, UnknownCountedBy, counts};
pub use emptied::{resolve_emptied, resolved_by};
pub use groups::{
    Group, GroupChange, GroupFilter, GroupState, NEIGHBOURS, UnknownGroupState, change_group, died_with, group, groups,
};
pub use items::{
    Change, Item, LetterNow, OnItsWay, Tally, Waiting, be_patient, change, items, keep, on_their_way, stage, tallies,
    waiting,
};
pub use live::{open_groups, replays_under_way};
pub use operation_state::{ItemState, OperationState, UnknownOperationState};
pub use operations::{
    NewOperation, Operation, RUNNER_LEASE_SECONDS, create, hold, let_go, operation, operations, orphans, turn,
    waits_for,
};
pub use query::{Cursor, Death, Filter, InvalidCursor, deaths, get, list, newest, states, whole};
pub use repair::{Edit, Remains, edit, edits, erase, lock, of_customer, restore};
pub use row::{DeadLetter, State, Summary, UnknownState};
pub use selection::{Selected, Selection, sample, selected};
pub use upsert::{Arrived, Cause, Stored, upsert};
