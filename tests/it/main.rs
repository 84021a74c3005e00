//! Integration tests on real parts: one binary, one module per journey. `./dev test` provides PostgreSQL and RabbitMQ.

mod analytics;
mod audit;
mod cli;
mod dead_letters;
mod docs;
mod http_api;
mod journeys;
mod outbox_relay;
mod ports;
mod support;
