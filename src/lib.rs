//! order-fleet: orders through inventory, payment and notification, nothing lost and nothing doubled.
//!
//! ```text
//!  HTTP, CLI ─► intake ─► outbox ─► orders ─► order_processing ─► services::order_processor ◄─ order_replies
//!  any AMQP client ──────────────────┘                              │   │        ▲      ▲
//!                                                 inventory_requests ◄──┘        │      │
//!                                                 └─► services::inventory_service┘      │
//!                                                 payment_requests ─► services::payment_service
//!                                                 notifications (fanout) ─► email, sms, push
//!                                                 events (topic) ─► analytics
//!  anything unprocessable ─► dlx ─► dead_letters ─► services::dead_letter_handler ─► replay
//! ```
//!
//! - `domain` the pure rules · `access` who calls and may do what · `contract` what travels on the wire
//! - `topology` the broker's shape as data
//! - `lifecycle` how an order moves on, whoever moves it
//! - `messaging` the way of every message · `store` the only SQL · `ports` the outside world
//! - `asyncapi` the contract of the messages, as a document
//! - `intake` HTTP to outbox · `services` one file per worker · `roles` how each binary is put together
//! - `dead_letters` what failed: its cause, what would become of it now, its replay
//! - `tracking` live streams of what happens to orders, links for customers
//! - `ops` what operators ask: the audit, the live status
//! - `config` every option · `telemetry` logs, health, metrics · `cli` the `orders` command · `bench` measures all of it
//! - `demo`, `chaos` and `bench` play with the whole fleet, the last two as a `trial` on servers of their own

/// Many threads allocate and free messages of all sizes: a tenth of the fleet's CPU less than with the C library's (docs/performance.md).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

pub mod access;
pub mod asyncapi;
pub mod bench;
pub mod chaos;
pub mod cli;
pub mod config;
pub mod contract;
pub mod crash_points;
pub mod dead_letters;
pub mod demo;
pub mod domain;
pub mod intake;
pub mod lifecycle;
pub mod messaging;
pub mod ops;
pub mod ports;
pub mod roles;
pub mod runtime;
pub mod services;
pub mod stand_ins;
pub mod store;
pub mod telemetry;
pub mod topology;
pub mod tracking;
pub mod trial;
