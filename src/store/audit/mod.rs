//! The audit's questions to the database: one function per law, each answering with the rows that break it. Called by
//! `ops::audit` inside one read-only transaction; what the law demands comes from the domain as parameters, never from here.
//!
//! Every question is one statement over whole tables, so that a million orders cost twenty-odd joins and not a million round trips.

mod activity;
mod events;
mod history;
mod identity;
mod messages;
mod notifications;
mod orders;
mod payments;
mod reservations;
mod scope;
mod statistics;
mod stock;

pub use activity::{Activity, activity};
pub use events::{EventCount, EventRule, events};
pub use history::{
    AppliedTwice, IllegalChange, LegalChange, Place, WrongEnd, applied_twice, illegal_changes, wrong_ends,
};
pub use identity::{ForeignId, delivery_ids, event_ids};
pub use messages::{DeadLetterCount, OutboxRow, dead_letters, parked, stale_outbox};
pub use notifications::{DeliveryCount, NotificationRule, notifications};
pub use orders::{ImpossibleState, Stranded, Vanished, impossible_states, stranded, vanished};
pub use payments::{WrongAmount, WrongPayment, wrong_amounts, wrong_payments};
pub use reservations::{
    LedgerDiffers, LinesDiffer, MovementsOfStatus, WrongReservation, ledger_differences, line_differences,
    wrong_reservations,
};
pub use scope::{Fate, Found, Outcome, OutcomeRule, Scope, open};
pub use statistics::{FigureDiffers, FigureRule, figures};
pub use stock::{Oversold, ShelfDiffers, UnitsMoved, oversold, shelf_differences};
