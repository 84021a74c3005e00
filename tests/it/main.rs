//! Integration tests on real parts: one binary, one module per journey. `./dev test` provides PostgreSQL and RabbitMQ.

mod analytics;
mod cli;
mod dead_letters;
mod http_api;
mod outbox_relay;
mod ports;
mod support;
