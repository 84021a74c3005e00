//! order-fleet.
pub mod config;
pub mod contract;
pub mod domain;
pub mod messaging;
pub mod services;
pub mod store;
pub mod telemetry;
pub mod topology;
