//! Replays: recorded, begun with few and growing, watched to the end of each message, stopped by themselves, resumable.

mod begin;
mod ramp;
mod runner;
mod watch;

pub use begin::{Begin, LISTED, Preview, PreviewedGroup, PreviewedVerdict, Turn, begin, first_items, preview, turn};
pub use runner::{Left, Runner};
