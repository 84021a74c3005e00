//! How orders come in over HTTP and leave for the broker.
//!
//! `http` reads requests and writes answers; `batcher` collects what arrives at the same time; `accept` is the use case, one
//! transaction for all of them: orders, history, answers under their keys, and messages in the outbox; `relay` carries the
//! outbox to the broker.

mod accept;
mod batcher;
mod broker_publisher;
pub mod http;
mod idempotency;
mod idempotent;
mod import;
mod listings;
mod payment_result;
pub mod relay;

pub use accept::{Acceptance, Refused, Submission, Verdict};
pub use batcher::{Intake, IntakeLimits, Writers};
pub use broker_publisher::BrokerPublisher;
pub use idempotency::{Fingerprint, IdempotencyKey, InvalidKey, read_key};
pub use relay::OutboxWake;
