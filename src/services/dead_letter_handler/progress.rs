//! How far a replay has come, on a terminal. Goes to standard error: standard output is for what remains.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use crate::store::dead_letters::Operation;

const STYLE: &str = "{bar:30} {pos}/{len}  {msg}";

pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Nothing is shown where nobody looks.
    pub fn start(operation: &Operation) -> Self {
        let length = u64::try_from(operation.total).unwrap_or(0);
        let bar = match std::io::stderr().is_terminal() {
            true => ProgressBar::new(length),
            false => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style);
        }
        Self { bar }
    }

    pub fn show(&self, operation: &Operation) {
        let ended = operation.total - operation.waiting() - operation.sent;
        self.bar.set_position(u64::try_from(ended).unwrap_or(0));
        self.bar.set_message(format!("{} at a time  {}", operation.stage, summary(operation)));
    }

    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}

/// What has become of the messages of a replay, in one line.
pub fn summary(operation: &Operation) -> String {
    let parts = [
        (operation.applied, "applied"),
        (operation.failed, "failed again"),
        (operation.skipped, "skipped"),
        (operation.unseen, "not seen to end"),
        (operation.kept, "kept"),
        (operation.sent, "on their way"),
        (operation.waiting(), "waiting"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") }
}
