//! The dead-letter-handler: takes what nobody could process into the database, raises the alert, and gives operators the means to
//! look at it, to replay it and to discard it.
//!
//! `ingest` is the consumer of `dead_letters`, `origin` tells why and where a message failed, `replay` publishes messages again along
//! their `way_back`. `cli` is the command line with the verbs in `verbs`; `page` and `table` are what it prints, without personal
//! data (`mask`).

mod args;
pub mod cli;
mod ingest;
mod mask;
mod origin;
mod page;
pub mod replay;
mod table;
mod verbs;
mod way_back;

pub use ingest::DeadLetterHandler;
