//! The whole fleet in this process, on a real RabbitMQ and a real PostgreSQL: what happens to orders.

mod bad_messages;
mod broker_restart;
mod database_outage;
mod duplicates;
mod failures;
mod happy_path;
mod logs;
mod other_languages;
mod requests;
mod self_healing;
mod sharing;
mod stopping;
mod topology;
