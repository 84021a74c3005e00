//! order-fleet.
pub mod contract;
pub mod domain;
pub mod intake;
pub mod store;
