//! The demonstration behind `./dev demo`: the real programs on a real broker and database, on a stage of its own, told as it happens
//! and judged at the end. `src/bin/demo.rs` calls [`main`].
//!
//! `run` is the script · `stage` the database and the vhost · `programs`, `fleet_process` the programs that take part · `shop` the
//! HTTP API as a customer sees it · `catalogue`, `orders`, `submit` what is ordered · `watch`, `screen` what is shown meanwhile ·
//! `repair` the dead letters · `facts` what was found at the end · `expectations` what should have been · `report` the tables

mod args;
mod catalogue;
mod expectations;
mod facts;
mod fleet_process;
mod management;
mod orders;
mod programs;
mod repair;
mod report;
mod run;
mod screen;
mod shop;
mod stage;
mod submit;
mod watch;

pub use run::main;
