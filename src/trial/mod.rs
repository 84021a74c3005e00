//! A fleet on servers of its own, started to be watched: what the chaos run and the bench share.
//!
//! `many_orders` tables as after a year · `process` one role as a child process · `programs` where the binaries are, and what is run once · `servers` the processes of broker
//! and database

mod many_orders;
mod process;
mod programs;
mod servers;

pub use many_orders::many_orders;
pub use process::{Process, send};
pub use programs::{OPEN, command_line, programs, set_up};
pub use servers::{BROKER_PID, DATABASE_PID, server_pid};
