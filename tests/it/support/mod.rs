//! What the journeys share: real parts that are fresh for each test and gone after it.

pub mod amqp;
mod api;
mod api_process;
mod broker;
pub mod browser;
mod database;
mod dead_letter;
pub mod fleet;
mod garbler;
mod instance;
mod intruder;
pub mod payment_webhook;
mod redis;
mod stage;
pub mod streams;
pub mod virtual_host;
pub mod waiting;
mod workers;

pub use api::{ANY_ADDRESS, Api, answer, read, vault};
pub use api_process::ApiProcess;
pub use broker::TestBroker;
pub use database::TestDatabase;
pub use dead_letter::dead_letter;
pub use garbler::{MARKER, garbling_proxy};
pub use instance::Instance;
pub use intruder::Intruder;
pub use redis::Redis;
pub use stage::{Options, Role, STRANGER, Stage, order_of, paid_with};
pub use virtual_host::VirtualHost;
pub use waiting::eventually;
pub use workers::Workers;
