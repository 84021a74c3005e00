//! order-fleet.
pub mod contract;
pub mod domain;
pub mod store;
