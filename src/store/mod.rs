//! PostgreSQL: the only place with SQL. Plain functions on a connection, one file per group of tables; whoever needs several
//! of them to stand or fall together opens the transaction and passes it on.

pub mod alerts;
pub mod api_keys;
pub mod audit;
pub mod audit_log;
pub mod controls;
pub mod dead_letters;
mod decode;
pub mod deliveries;
pub mod idempotent_answers;
pub mod inbox;
pub mod instances;
pub mod inventory_queries;
mod kept;
pub mod order_notes;
pub mod order_queries;
mod order_row;
pub mod order_search;
pub mod orders;
mod outage;
pub mod outbox;
pub mod outbox_queries;
pub mod payment_book;
pub mod payments;
pub mod product_changes;
pub mod products;
pub mod queue_ages;
pub mod rehearsal;
pub mod sagas;
pub mod scheduler;
pub mod statistics;
pub mod statistics_queries;
pub mod stock;
pub mod stuck;
pub mod suspects;
mod text;
pub mod tracking;
pub mod webhook_deliveries;
pub mod webhook_log;
pub mod webhooks;

pub use kept::{KeptConnection, TakenConnection};
pub use outage::{is_contention, is_outage};
pub use text::storable;
