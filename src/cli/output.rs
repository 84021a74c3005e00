//! What reaches the terminal: lines, colours, tables, times. The only place of the command line that writes to stdout.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use comfy_table::{Cell, Color, ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;
use terminal_size::{Height, Width, terminal_size_of};
use time::OffsetDateTime;
use time::macros::format_description;

use super::error::Error;
use crate::domain::OrderStatus;

/// One line below the header and none between rows: a list of orders is long enough.
const TABLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// How this run writes: for people, perhaps in colour, or for programs.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub json: bool,
    colour: bool,
}

impl Output {
    /// Colours only on a terminal that takes them, and never with `NO_COLOR` (no-color.org).
    pub fn new(json: bool) -> Self {
        Self { json, colour: !json && AutoStream::choice(&io::stdout()) != ColorChoice::Never }
    }

    pub fn has_colour(self) -> bool {
        self.colour
    }

    /// One line on stdout; a closed pipe is an error and not a panic.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub fn line(self, text: &str) -> Result<(), Error> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{text}")?;
        stdout.flush()?;
        Ok(())
    }

    /// Bytes as they are.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub fn bytes(self, bytes: &[u8]) -> Result<(), Error> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()?;
        Ok(())
    }

    /// One JSON document on one line.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub fn document(self, value: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string(value).map_err(io::Error::other)?;
        self.line(&text)
    }

    /// A hint for people, on stderr so that it never ends up in a pipe.
    pub fn hint(self, text: &str) {
        if !self.json {
            // Who cannot read the hint cannot read a complaint about it either.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    pub fn status(self, status: OrderStatus) -> String {
        self.painted(status.as_str(), sgr(status))
    }

    pub fn bold(self, text: &str) -> String {
        self.painted(text, "1")
    }

    pub fn good(self, text: &str) -> String {
        self.painted(text, "32")
    }

    pub fn bad(self, text: &str) -> String {
        self.painted(text, "31")
    }

    pub fn dim(self, text: &str) -> String {
        self.painted(text, "2")
    }

    /// `code`: a parameter of SGR (ECMA-48, 8.3.117).
    fn painted(self, text: &str, code: &str) -> String {
        if self.colour && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub fn warn(self, text: &str) -> String {
        self.painted(text, "33")
    }

    /// Columns and lines of the terminal; `None` when stdout is none.
    pub fn size(self) -> Option<(usize, usize)> {
        let (Width(columns), Height(lines)) = terminal_size_of(io::stdout())?;
        Some((usize::from(columns), usize::from(lines)))
    }

    pub fn table(self, header: &[&str]) -> Table {
        let mut table = Table::new();
        // One line per row whatever the terminal's width: an id broken over two lines cannot be copied.
        table.load_style(TABLE).set_content_arrangement(ContentArrangement::Disabled);
        if self.colour {
            table.enforce_styling();
        }
        table.set_header(header.iter().copied());
        table
    }

    pub fn status_cell(self, status: OrderStatus) -> Cell {
        let cell = Cell::new(status);
        if self.colour { cell.fg(colour(status)) } else { cell }
    }
}

fn sgr(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Pending => "2",
        OrderStatus::Processing => "36",
        OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered => "32",
        OrderStatus::Failed => "31",
        OrderStatus::Cancelled => "33",
    }
}

fn colour(status: OrderStatus) -> Color {
    match status {
        OrderStatus::Pending => Color::DarkGrey,
        OrderStatus::Processing => Color::Cyan,
        OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered => Color::Green,
        OrderStatus::Failed => Color::Red,
        OrderStatus::Cancelled => Color::Yellow,
    }
}

/// Text of strangers without control characters: a product's name must not steer the reader's terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// `2026-01-31 12:00:00`, in UTC.
pub fn moment(at: OffsetDateTime) -> String {
    at.to_offset(time::UtcOffset::UTC)
        .format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second]"))
        .unwrap_or_else(|_| at.to_string())
}

/// `12:00:00.123`.
pub fn clock(at: OffsetDateTime) -> String {
    at.to_offset(time::UtcOffset::UTC)
        .format(format_description!("[hour]:[minute]:[second].[subsecond digits:3]"))
        .unwrap_or_else(|_| at.to_string())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn control_characters_of_strangers_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
    }

    #[test]
    fn times_are_shown_in_utc() {
        let at = datetime!(2026-01-31 12:00:00.25 +2);
        assert_eq!(moment(at), "2026-01-31 10:00:00");
        assert_eq!(clock(at), "10:00:00.250");
    }
}
