//! order-fleet.
pub mod cli;
pub mod config;
pub mod contract;
pub mod domain;
pub mod messaging;
pub mod store;
pub mod telemetry;
pub mod topology;
