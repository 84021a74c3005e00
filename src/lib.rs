//! order-fleet.
pub mod cli;
pub mod contract;
pub mod domain;
