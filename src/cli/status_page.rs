//! The page of `orders status`: first what is wrong, then the parts, each from [`super::status_sections`]. Called by [`super::status`].

use super::error::count;
use super::grid::{Tone, cut, lay_out, wrap};
use super::output::{Output, moment, printable};
use super::status_sections::{Section, sections};
use crate::contract::status::Status;

/// The lines of the page, none wider than the terminal.
pub fn page(status: &Status, output: Output, width: Option<usize>) -> Vec<String> {
    let mut page = Page { output, width, lines: Vec::new() };
    page.headline(status);
    for section in sections(status) {
        page.section(section);
    }
    page.lines
}

struct Page {
    output: Output,
    width: Option<usize>,
    lines: Vec<String>,
}

impl Page {
    fn headline(&mut self, status: &Status) {
        let at = moment(status.at);
        let mut problems = status.problems.iter().map(|problem| printable(&problem.detail));
        let Some(first) = problems.next() else {
            let instances = status.instances.known().map_or(0, |all| all.iter().filter(|one| !one.silent).count());
            let text =
                cut(&format!("healthy  {at} UTC  {}", count(instances, "instance")), self.width.unwrap_or(usize::MAX));
            self.lines.push(text.replacen("healthy", &self.output.good("healthy"), 1));
            return;
        };
        // The first line alone must say it: it is all that fits into an alert.
        let total = match status.problems.len() {
            1 => "1 problem: ".to_owned(),
            number => format!("{number} problems: "),
        };
        let mut told = wrap(&format!("{total}{first}"), self.width, 2);
        told.extend(problems.flat_map(|problem| wrap(&format!("- {problem}"), self.width, 2)));
        self.lines.extend(told.into_iter().map(|line| self.output.bad(&line)));
        self.lines.push(self.output.dim(&format!("{at} UTC")));
    }

    fn section(&mut self, Section { title, table, .. }: Section) {
        self.lines.push(String::new());
        let table = match table {
            Ok(table) => table,
            Err(error) => {
                let said = wrap(&format!("{title}: {}", printable(&error)), self.width, 2);
                self.lines.extend(said.into_iter().map(|line| self.output.bad(&line)));
                return;
            }
        };
        let room = self.width.map_or(usize::MAX, |width| width.saturating_sub(title.chars().count() + 2));
        let summary = cut(&printable(&table.summary), room);
        self.lines.push(format!("{}  {summary}", self.output.bold(title)).trim_end().to_owned());
        if table.rows.is_empty() {
            return;
        }
        let inner = self.width.map(|width| width.saturating_sub(2));
        for (line, tone) in lay_out(&table.columns, &table.rows, inner) {
            let painted = match tone {
                None | Some(Tone::Dim) => self.output.dim(&line),
                Some(Tone::Plain) => line,
                Some(Tone::Warn) => self.output.warn(&line),
                Some(Tone::Bad) => self.output.bad(&line),
            };
            self.lines.push(format!("  {painted}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every part with something in it, shared with the integration tests of the command line.
    const WORST: &str = include_str!("../../tests/it/cli/status.json");

    #[test]
    fn no_line_is_wider_than_the_terminal_and_a_narrow_one_still_shows_what_counts() {
        let status: Status = serde_json::from_str(WORST).expect("a status");
        for width in [40, 60, 80, 100, 140, 200] {
            let page = page(&status, Output::new(true), Some(width));
            for line in &page {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
            let text = page.join("\n");
            for word in ["sms-service", "silent", "payment_requests", "0199c1d2-7a40-7c1e", "unresolved", "open"] {
                assert!(text.contains(word), "{word} at {width}:\n{text}");
            }
            // beside an order's id there is no room for more in 40 columns
            assert!(width == 40 || text.contains("taking_payment"), "{width}:\n{text}");
        }
    }
}
