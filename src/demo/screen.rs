//! What the audience sees: lines, colours, tables, and on a terminal a block that is redrawn in place. The only file of the
//! demonstration that writes to stdout.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, LineStyle, Table, TableStyle};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

/// One line below the header and none between rows.
const TABLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
/// Width of the words that the lines begin with.
const LABEL: usize = 13;
/// Where the time that a step took is put: lines fit into 100 columns.
const TEXT: usize = 72;

#[derive(Clone)]
pub struct Screen {
    started: Instant,
    colour: bool,
    live: Option<MultiProgress>,
}

impl Screen {
    /// Redraws only on a terminal; colours as the terminal and `NO_COLOR` want it.
    pub fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        let live = terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stdout()));
        Self { started: Instant::now(), colour: AutoStream::choice(&io::stdout()) != ColorChoice::Never, live }
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// One line, above whatever is being redrawn.
    pub fn line(&self, text: &str) {
        let print = || {
            // Nobody is left to complain to when stdout is gone; the exit code still tells.
            let _ = writeln!(io::stdout(), "{text}");
        };
        match &self.live {
            Some(live) => live.suspend(print),
            None => print(),
        }
    }

    pub fn heading(&self, text: &str) {
        self.line(&format!("\n{}", self.bold(text)));
    }

    /// A step that has just begun: a moving line on a terminal, nothing elsewhere until it has ended.
    pub fn begin(&self, label: &'static str, doing: &str) -> Step {
        let bar = self.spare_line("  {spinner:.cyan} {msg} {elapsed:.dim}");
        bar.set_message(format!("{label:<LABEL$}{doing}"));
        bar.enable_steady_tick(Duration::from_millis(80));
        Step { screen: self.clone(), label, started: Instant::now(), bar }
    }

    /// Something worth a line that took no time of its own.
    pub fn note(&self, good: bool, label: &str, text: &str) {
        self.line(&format!("  {} {label:<LABEL$}{text}", self.tick(good)));
    }

    /// A line of the redrawn block.
    pub fn spare_line(&self, template: &str) -> ProgressBar {
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
        match &self.live {
            Some(live) => live.add(ProgressBar::new_spinner().with_style(style)),
            None => ProgressBar::hidden(),
        }
    }

    pub fn is_live(&self) -> bool {
        self.live.is_some()
    }

    pub fn table(&self, title: &str, header: &[&str]) -> Table {
        self.heading(title);
        let mut table = Table::new();
        table.load_style(TABLE).set_content_arrangement(ContentArrangement::Disabled);
        if self.colour {
            table.enforce_styling();
        }
        table.set_header(header.iter().map(|name| self.tinted(name, Color::DarkGrey)));
        table
    }

    /// A cell in a colour; the table measures it without.
    pub fn tinted(&self, text: &str, tint: Color) -> Cell {
        let cell = Cell::new(text);
        if self.colour { cell.fg(tint) } else { cell }
    }

    pub fn show(&self, table: &Table) {
        for line in table.trim_fmt().lines() {
            self.line(&format!(" {line}"));
        }
    }

    pub fn tick(&self, good: bool) -> String {
        if good { self.painted("✓", "32") } else { self.painted("✗", "31") }
    }

    pub fn bold(&self, text: &str) -> String {
        self.painted(text, "1")
    }

    pub fn good(&self, text: &str) -> String {
        self.painted(text, "32")
    }

    pub fn bad(&self, text: &str) -> String {
        self.painted(text, "31")
    }

    pub fn busy(&self, text: &str) -> String {
        self.painted(text, "36")
    }

    pub fn dim(&self, text: &str) -> String {
        self.painted(text, "2")
    }

    /// `code`: a parameter of SGR (ECMA-48, 8.3.117).
    fn painted(&self, text: &str, code: &str) -> String {
        if self.colour && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A step under way.
pub struct Step {
    screen: Screen,
    label: &'static str,
    started: Instant,
    bar: ProgressBar,
}

impl Step {
    pub fn done(self, text: &str) {
        self.bar.finish_and_clear();
        let took = self.screen.dim(&seconds(self.started.elapsed()));
        self.screen.note(true, self.label, &format!("{text:<TEXT$} {took}"));
    }
}

impl Drop for Step {
    /// A step that failed leaves no moving line behind.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A number in a table.
pub fn number(value: impl ToString) -> Cell {
    Cell::new(value).set_alignment(CellAlignment::Right)
}

/// `2.5 s`.
pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f32())
}

/// Text of strangers on one line: no control characters, and not longer than `most`.
pub fn shortened(text: &str, most: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= most {
        return line;
    }
    let kept: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn long_texts_of_strangers_are_cut_and_cannot_steer_the_terminal() {
        assert_eq!(shortened("as it is", 8), "as it is");
        assert_eq!(shortened("a\u{1b}[2J and more", 6), "a [2J…");
    }
}
