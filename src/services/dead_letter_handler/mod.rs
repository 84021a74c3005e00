//! The dead-letter-handler: takes what nobody could process into the database, raises the alert, carries on replays that their process
//! has left, and gives operators the command line to all of it.
//!
//! `ingest` is the consumer of `dead_letters`, `carry_on` runs replays. `cli` is the command line with the verbs in `verbs`; `page`
//! and `table` are what it prints, without personal data. What it works with is `crate::dead_letters`.

mod args;
mod ask;
mod carry_on;
pub mod cli;
mod drain;
mod edit;
mod ingest;
mod page;
mod progress;
mod replays;
mod stops;
mod table;
mod verbs;

use std::sync::Arc;

pub use ingest::DeadLetterHandler;

use crate::lifecycle::SagaArgs;
use crate::runtime::{Context, Tasks};
use crate::services::rehearsals::Rehearsals;

/// Starts the service.
pub fn start(context: &Context, saga: SagaArgs, tasks: &mut Tasks) {
    context.consume(DeadLetterHandler, tasks);
    tasks.spawn(carry_on::carry_on(context.clone(), Arc::new(Rehearsals::new(saga))));
}
