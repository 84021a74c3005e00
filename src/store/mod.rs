//! The only place with SQL: plain functions on a connection, one file per group of tables.

pub mod dead_letters;
mod decode;
pub mod inbox;
pub mod sagas;
pub mod statistics;
pub mod stock;
pub mod text;
