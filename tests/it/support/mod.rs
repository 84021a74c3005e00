//! What the tests share.

pub mod outbound_servers;
