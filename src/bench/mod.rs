//! Measuring: the load generator behind `orders bench`, and the bench behind `./dev bench`, which runs the whole fleet in scenarios and
//! sets what it costs against what its parts cost alone. `src/cli/bench.rs` and `src/bin/bench.rs` call it.
//!
//! `load` the load generator · `parts` broker and database alone · `args` and `scenario` what is measured · `run`, `play`, `drains`
//! and `growth` the course of it · `fleet` and `servers` what takes part · `processes`, `accounts`, `queues` and `tables` what it cost · `budget`, `targets`,
//! `figures` and `report` what comes of it

mod accounts;
mod args;
mod budget;
mod drains;
mod figures;
mod fleet;
mod growth;
pub mod load;
mod parts;
mod play;
pub mod processes;
mod queues;
mod report;
mod run;
mod scenario;
mod servers;
mod tables;
mod targets;

pub use run::main;
use run::say;
