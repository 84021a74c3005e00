//! `orders audit`: proves from the data that nothing was lost and nothing doubled. It changes nothing and may run at any time.
//!
//! `facts` asks the saga what can happen to an order, `rules` turns that into what the tables must hold, `judge` puts the rules to
//! one snapshot of the database (`store::audit`), `queues` looks at the broker, `settle` waits for a quiet moment, `report` is the
//! answer. Called by `cli::audit` and by whatever has just broken the fleet on purpose.

mod facts;
mod invariant;
mod judge;
mod queues;
mod report;
mod rules;
mod settle;
mod violation;

pub use invariant::Invariant;
pub use queues::QueueDepth;
pub use report::{Explained, Report, Settled, Verdict};
pub use settle::{AuditError, Options, run};
pub use violation::{QueueFault, Violation};
