//! Integration tests on real parts: one binary, one module per journey. `./dev test` provides PostgreSQL and RabbitMQ.

mod access;
mod analytics;
mod architecture;
mod audit;
mod bench;
mod breaker;
mod cli;
mod contracts;
mod crash_points;
mod dead_letters;
mod docs;
mod golden;
mod healing;
mod http_api;
mod isolation;
mod journeys;
mod live;
mod order_life;
mod outbox_relay;
mod payments;
mod ports;
mod rolling_restart;
mod saga_sweeps;
mod status;
mod support;
mod webhooks;
