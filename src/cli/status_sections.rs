//! The parts of the status in the order in which they are shown, each as a table or as the reason why it is not there. The page of
//! [`super::status_page`] shows them below each other, the screen of [`super::status_screen`] by topics.

use super::status_stopped::{groups, replays, stopped};
use super::status_tables::{Table, breakers, dead_letters, inbox, instances, outbox, queues, scheduler, stuck_orders};
use crate::contract::status::{Part, Status};

/// What an operator looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Instances,
    Queues,
    Orders,
    DeadLetters,
}

pub struct Section {
    pub topic: Topic,
    pub title: &'static str,
    /// The error is in words.
    pub table: Result<Table, String>,
}

pub fn sections(status: &Status) -> Vec<Section> {
    vec![
        section(Topic::Instances, "Instances", &status.instances, |all| instances(all)),
        section(Topic::Queues, "Queues", &status.queues, |all| queues(all)),
        section(Topic::Queues, "Breakers", &status.breakers, |all| breakers(all)),
        section(Topic::Queues, "Stopped", &status.stopped, |all| stopped(all)),
        section(Topic::Orders, "Outbox", &status.outbox, outbox),
        section(Topic::Orders, "Stuck orders", &status.stuck_orders, stuck_orders),
        section(Topic::Instances, "Scheduler", &status.scheduler, scheduler),
        section(Topic::DeadLetters, "Causes of dead letters", &status.dead_letter_groups, groups),
        section(Topic::DeadLetters, "Replays", &status.replays, |all| replays(all)),
        section(Topic::DeadLetters, "Dead letters", &status.dead_letters, dead_letters),
        section(Topic::Orders, "Inbox", &status.inbox, inbox),
    ]
}

fn section<T>(topic: Topic, title: &'static str, part: &Part<T>, tell: impl FnOnce(&T) -> Table) -> Section {
    let table = match part {
        Part::Known(value) => Ok(tell(value)),
        Part::Unknown { error } => Err(error.clone()),
    };
    Section { topic, title, table }
}
