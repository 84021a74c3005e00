//! The way of every message: taken from a queue, decided once in one transaction, what it caused published and confirmed, then
//! acknowledged. With `topology::declare`, the only place that names lapin.
//!
//! `consumer` runs the loop over a `session`: `calls` go outside behind a `breaker`, `isolate` runs suspects alone, `finish` ends a
//! batch, `engine` runs it in one transaction, `hold` publishes what it caused until the broker takes it. `settle` decides what becomes
//! of a failure, `supervise` starts everything again after a fault. `controls` stops what operators
//! want stopped, `drain` takes what waits away. `rehearse` asks what a consumer would do, without doing it.

mod acks;
mod breaker;
mod broker;
mod bundle;
mod calls;
mod consumer;
mod controls;
mod dead_letter;
mod drain;
mod engine;
mod failure;
mod fault;
mod finish;
mod frame;
mod handler;
mod hold;
mod incoming;
mod isolate;
mod outage;
mod publisher;
mod queues;
mod recorded;
mod rehearse;
mod reply;
mod session;
pub mod settle;
mod supervise;
mod wire;

pub use breaker::{Admission, Breaker, Reading};
pub use broker::{Broker, BrokerError};
pub use bundle::may_hold_bundles;
pub use consumer::Consumer;
pub use controls::Controls;
pub use drain::{DrainError, Taken, Taker};
pub use failure::Failure;
pub use handler::{Delivery, Handler, Outcome, Source};
pub use incoming::Incoming;
pub use publisher::{PublishError, Publisher, Verdict};
pub use queues::{QueueFigures, QueueLook, QueueLooker, QueuesError, look_at_queue, look_at_queues};
pub use recorded::{Recorded, record};
pub use rehearse::{Rehearsal, rehearse};
pub use reply::{later_reply, reply};
pub use supervise::{Backoff, Ended, supervise};
pub use wire::Wire;
