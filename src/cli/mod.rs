//! The `orders` command line: what a customer's shop and an operator type. It talks to order-api over HTTP; one command can
//! publish to the broker instead, and the audit reads the database itself. `src/bin/orders.rs` calls [`main`].

mod amqp;
mod args;
mod audit;
mod audit_log;
mod bench;
mod bulk;
mod change;
mod client;
mod error;
mod event_stream;
mod follow_customer;
mod get;
mod grid;
mod history;
mod import;
mod keys;
mod list;
mod live;
mod note;
mod outbox;
mod output;
mod payment;
mod products;
mod resolve;
mod rows;
mod run;
mod stats;
mod status;
mod status_live;
mod status_page;
mod status_screen;
mod status_sections;
mod status_stopped;
mod status_tables;
mod stock;
mod submit;
mod watch;
mod webhooks;

pub use args::Args;
pub use error::Error;
pub use event_stream::{EventParser, ServerEvent};
pub use run::{Outcome, main, run};
