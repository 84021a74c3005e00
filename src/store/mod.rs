//! The only place with SQL: plain functions on a connection, one file per group of tables.

pub mod inbox;
