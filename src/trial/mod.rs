//! A fleet on servers of its own, started to be watched: what the chaos run and the bench share.
//!
//! `process` one role as a child process · `programs` where the binaries are, and what is run once · `servers` the processes of broker
//! and database

mod process;
mod programs;
mod servers;

pub use process::{Process, send};
pub use programs::{OPEN, command_line, programs, set_up};
pub use servers::{BROKER_PID, DATABASE_PID, server_pid};
