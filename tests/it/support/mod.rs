//! What the journeys share: real parts that are fresh for each test and gone after it.

mod api;
mod database;
mod waiting;

pub use api::{Api, answer, read};
pub use database::TestDatabase;
pub use waiting::eventually;
