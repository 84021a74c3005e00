//! The chaos run behind `./dev chaos`: the whole fleet under load, everything broken by a schedule that follows from a seed, and the
//! proof that nothing was lost and nothing happened twice. `src/bin/chaos.rs` calls [`main`].
//!
//! `run` is the whole of it · `schedule` and `fault` what is broken when, `injector`, `inflict` and `copies` how ·
//! `servers`, `fleet` and `outside` what takes part · `shop`, `load` and `book` the customers · `watch` and `outage`
//! what is seen meanwhile · `settle`, `checks`, `audit`, `violation` and `report` the end

mod after;
mod args;
mod audit;
mod book;
mod checks;
mod copies;
mod fault;
mod fleet;
mod inflict;
mod injector;
mod load;
mod outage;
mod outside;
mod report;
mod run;
mod schedule;
mod servers;
mod settle;
mod shop;
mod violation;
mod watch;

pub use run::main;
