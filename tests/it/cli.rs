//! The real `orders` binary against a stand-in for the API: what it prints, what it exits with, what it asks for.

mod amqp;
mod bulk;
mod changes;
mod fake_api;
mod help;
mod inventory;
mod orders;
pub mod runner;
mod status;
