//! Replays: recorded, begun with few and growing, watched to the end of each message, stopped by themselves, resumable.

mod begin;
mod end;
mod needless;
mod outage;
mod ramp;
mod runner;
mod send;
mod watch;

pub use begin::{Begin, LISTED, Preview, PreviewedGroup, PreviewedVerdict, Turn, begin, first_items, preview, turn};
pub use runner::{Left, Runner};
