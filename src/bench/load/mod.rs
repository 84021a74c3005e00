//! The load generator: orders over HTTP as every customer sends them, in a closed loop or on a fixed schedule, then a wait until all of
//! them are final and everything they caused is consumed. Behind `orders bench`; `./dev bench` runs that command, too.
//!
//! `options` what is asked for · `schedule` when each order is due · `form` what is ordered · `shop` the HTTP side · `submit` the
//! sending · `latency` the histogram · `settle` the wait · `report` what came out

mod form;
mod latency;
mod options;
mod report;
mod run;
mod schedule;
mod settle;
mod shop;
mod submit;

pub use form::{body, late_order};
pub use latency::{Latencies, LatencySummary};
pub use options::{LoadOptions, Pace};
pub use report::LoadReport;
pub use run::run;
pub use schedule::Schedule;
pub use settle::{Counts, Settled, Source};
