//! What travels on the wire. One file per family of messages; whatever changes here must still read what older versions wrote.

pub mod event;
mod fields;
pub mod headers;
pub mod instance;
pub mod inventory;
mod moment;
pub mod notification;
pub mod order;
mod outgoing;
pub mod payment;
pub mod payment_webhook;
pub mod requests;
pub mod saga;
mod schemas;
pub mod signature;
pub mod status;
pub mod subject;
pub mod tracking;
pub mod webhook;

pub use fields::{FieldError, Fields, whole_number};
pub use moment::{read_moment, read_moment_or_date};
pub use outgoing::{BUNDLE, Outgoing, Unroutable};
