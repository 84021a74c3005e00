//! The whole fleet in this process, on a real RabbitMQ and a real PostgreSQL: what happens to orders.

mod bad_messages;
mod duplicates;
mod failures;
mod happy_path;
mod requests;
mod topology;
