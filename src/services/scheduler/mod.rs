//! The scheduler: notices what did not happen in time, and tidies up. Several may run; the database makes one of them the leader, and
//! another takes over within seconds when it dies. One file per job.

mod alerts;
mod cleanup;
mod daily_report;
mod deadlines;
mod job;
mod leader;
mod reservations;
mod search_index;
mod stuck_orders;

pub use cleanup::RetentionArgs;
pub use leader::Scheduler;
