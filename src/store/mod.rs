//! PostgreSQL: the only place with SQL. Plain functions on a connection, one file per group of tables; whoever needs several
//! of them to stand or fall together opens the transaction and passes it on.

pub mod idempotency;
pub mod order_queries;
pub mod orders;
mod outage;
pub mod outbox;
pub mod products;
pub mod statistics_queries;

pub use outage::is_outage;
