//! The only place with SQL: plain functions on a connection, one file per group of tables.

mod decode;
pub mod deliveries;
pub mod inbox;
pub mod payments;
pub mod sagas;
pub mod stock;
