//! order-fleet.
pub mod config;
pub mod contract;
pub mod domain;
pub mod ports;
