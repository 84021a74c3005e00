//! What the journeys share: real parts that are fresh for each test and gone after it.

mod api;
mod broker;
mod database;
pub mod outbound_servers;
mod waiting;
mod workers;

pub use api::{Api, answer, read};
pub use broker::TestBroker;
pub use database::TestDatabase;
pub use waiting::eventually;
pub use workers::Workers;
