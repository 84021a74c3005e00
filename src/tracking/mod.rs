//! Live tracking: one poll per process carries what is appended to `order_history` to everybody who watches an order or a customer,
//! and links let customers follow an order without a login. Called by the HTTP API (streams, page) and the email-service (links).
//!
//! The database is the buffer: a watcher is a position, and what its client has not taken yet is read again. Nothing wakes the poll
//! but watchers, and without any it waits (docs/adr/0011-live-tracking.md).

mod customers;
mod links;
mod orders;
mod pace;
mod places;
mod poll;
mod prefix;
mod token;
mod watcher;

pub use links::Links;
pub use places::Full;
pub use poll::{Limits, Subject, Tracking};
pub use watcher::{Ending, Watch};
