//! What the journeys share: real parts that are fresh for each test and gone after it.

pub mod amqp;
mod api;
mod broker;
mod database;
pub mod outbound_servers;
mod proxy;
mod stage;
pub mod waiting;

pub use api::{Api, answer, read};
pub use broker::VirtualHost;
pub use database::TestDatabase;
pub use proxy::Proxy;
pub use stage::{Options, Role, STRANGER, Stage, order_of, paid_with};
pub use waiting::eventually;
