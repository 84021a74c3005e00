//! The screen of `orders status --watch`: what stands on it is a function of the status alone, of the chosen page and of the place in it.
//! [`super::status_live`] draws it again and again.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::grid::{Tone, cut, lay_out, wrap};
use super::output::{moment, printable};
use super::status_sections::{Section, Topic, sections};
use crate::contract::status::{Status, span};

/// One page, and the key that opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    Overview,
    Of(Topic),
}

pub const PAGES: [(Page, &str); 5] = [
    (Page::Overview, "Overview"),
    (Page::Of(Topic::Queues), "Queues"),
    (Page::Of(Topic::Instances), "Instances"),
    (Page::Of(Topic::Orders), "Orders"),
    (Page::Of(Topic::DeadLetters), "Dead letters"),
];

/// What is to be shown.
#[derive(Debug, Default)]
pub struct Screen {
    /// Place in [`PAGES`].
    pub page: usize,
    /// Lines above the first that is seen.
    pub scroll: usize,
    pub status: Option<Status>,
    /// Why the last look brought nothing, and for how many seconds that has been so.
    pub fault: Option<(String, f64)>,
    pub colour: bool,
}

/// How far the page can be scrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Lines of the page that are seen at once.
    pub room: usize,
    pub last_scroll: usize,
}

impl Screen {
    pub fn draw(&self, frame: &mut Frame<'_>) -> Drawn {
        let width = usize::from(frame.area().width);
        let head = self.head(width);
        let rows = [Constraint::Length(fit(head.len())), Constraint::Min(0), Constraint::Length(1)];
        let [above, middle, below] = Layout::vertical(rows).areas(frame.area());
        frame.render_widget(Paragraph::new(head), above);
        let body = self.body(width);
        let room = usize::from(middle.height);
        let drawn = Drawn { room, last_scroll: body.len().saturating_sub(room) };
        let from = self.scroll.min(drawn.last_scroll);
        let seen: Vec<Line<'_>> = body.iter().skip(from).take(room).cloned().collect();
        let until = from + seen.len();
        frame.render_widget(Paragraph::new(seen), middle);
        self.foot(frame, below, (from, until, body.len()));
        drawn
    }

    /// How it is, in one line; that nobody answers, if so; and the names of the pages.
    fn head(&self, width: usize) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        if let Some((fault, seconds)) = &self.fault {
            let since = match &self.status {
                Some(_) => format!(" (for {}; what is below is older)", span(*seconds)),
                None => format!(" (for {})", span(*seconds)),
            };
            let told = wrap(&format!("{}; trying again{since}", printable(fault)), Some(width), 2);
            lines.extend(told.into_iter().map(|line| Line::styled(line, self.tone(Tone::Bad))));
        }
        if let Some(status) = &self.status {
            let at = format!("{} UTC", moment(status.at));
            let (word, tone) = match status.problems.len() {
                0 => ("healthy".to_owned(), self.good()),
                1 => ("1 problem".to_owned(), self.tone(Tone::Bad)),
                number => (format!("{number} problems"), self.tone(Tone::Bad)),
            };
            // what nobody confirms any more is not shown as if it were so
            let (word, tone) = match self.fault {
                Some(_) => (format!("was: {word}"), self.tone(Tone::Dim)),
                None => (word, tone),
            };
            let blank = width.saturating_sub(word.chars().count() + at.chars().count()).max(2);
            lines.push(Line::from(vec![
                Span::styled(word, tone.add_modifier(Modifier::BOLD)),
                Span::raw(" ".repeat(blank)),
                Span::styled(at, self.tone(Tone::Dim)),
            ]));
        }
        let names = PAGES.iter().enumerate().flat_map(|(place, (_, name))| {
            let chosen = if place == self.page { Modifier::REVERSED } else { Modifier::empty() };
            [Span::styled(format!(" {} {name} ", place + 1), Style::new().add_modifier(chosen)), Span::raw(" ")]
        });
        lines.push(Line::from(names.collect::<Vec<_>>()));
        lines.push(Line::default());
        lines
    }

    fn body(&self, width: usize) -> Vec<Line<'static>> {
        let Some(status) = &self.status else { return Vec::new() };
        let (page, _) = PAGES.get(self.page).copied().unwrap_or(PAGES[0]);
        let all = sections(status);
        match page {
            Page::Overview => self.overview(status, &all, width),
            Page::Of(topic) => {
                let of_topic = all.iter().filter(|section| section.topic == topic);
                of_topic.flat_map(|section| self.section(section, width)).collect()
            }
        }
    }

    /// What is wrong, then one line for each part.
    fn overview(&self, status: &Status, all: &[Section], width: usize) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        for problem in &status.problems {
            let told = wrap(&format!("- {}", printable(&problem.detail)), Some(width), 2);
            lines.extend(told.into_iter().map(|line| Line::styled(line, self.tone(Tone::Bad))));
        }
        if !status.problems.is_empty() {
            lines.push(Line::default());
        }
        let widest = all.iter().map(|section| section.title.chars().count()).max().unwrap_or_default();
        for section in all {
            let (said, tone) = match &section.table {
                Err(error) => (error.clone(), Tone::Bad),
                Ok(table) => {
                    let worst = table.rows.iter().map(|row| row.tone);
                    let tone = worst.max_by_key(|tone| severity(*tone)).unwrap_or(Tone::Plain);
                    (table.summary.clone(), if tone == Tone::Dim { Tone::Plain } else { tone })
                }
            };
            let room = width.saturating_sub(widest + 2);
            lines.push(Line::from(vec![
                Span::styled(format!("{:widest$}  ", section.title), Style::new().add_modifier(Modifier::BOLD)),
                Span::styled(cut(&printable(&said), room), self.tone(tone)),
            ]));
        }
        lines
    }

    fn section(&self, section: &Section, width: usize) -> Vec<Line<'static>> {
        let title = Span::styled(section.title, Style::new().add_modifier(Modifier::BOLD));
        let table = match &section.table {
            Ok(table) => table,
            Err(error) => {
                let error = cut(&printable(error), width.saturating_sub(section.title.chars().count() + 2));
                return vec![
                    Line::from(vec![title, Span::raw("  "), Span::styled(error, self.tone(Tone::Bad))]),
                    Line::default(),
                ];
            }
        };
        let room = width.saturating_sub(section.title.chars().count() + 2);
        let mut lines =
            vec![Line::from(vec![title, Span::raw(format!("  {}", cut(&printable(&table.summary), room)))])];
        if !table.rows.is_empty() {
            let rows = lay_out(&table.columns, &table.rows, Some(width.saturating_sub(2)));
            lines.extend(
                rows.into_iter()
                    .map(|(line, tone)| Line::styled(format!("  {line}"), self.tone(tone.unwrap_or(Tone::Dim)))),
            );
        }
        lines.push(Line::default());
        lines
    }

    fn foot(&self, frame: &mut Frame<'_>, area: Rect, (from, until, all): (usize, usize, usize)) {
        let keys = "q quit  1-5 or ←→ page  ↑↓ scroll  r look now";
        let place = match until - from < all {
            true => format!("lines {}-{until} of {all}", from + 1),
            false => String::new(),
        };
        let width = usize::from(area.width);
        let blank = width.saturating_sub(keys.chars().count() + place.chars().count());
        let line = if blank < 2 { cut(keys, width) } else { format!("{keys}{}{place}", " ".repeat(blank)) };
        frame.render_widget(Line::styled(line, self.tone(Tone::Dim)), area);
    }

    fn tone(&self, tone: Tone) -> Style {
        match tone {
            Tone::Plain => Style::new(),
            Tone::Dim => Style::new().add_modifier(Modifier::DIM),
            Tone::Warn if self.colour => Style::new().fg(Color::Yellow),
            Tone::Bad if self.colour => Style::new().fg(Color::Red),
            Tone::Warn | Tone::Bad => Style::new(),
        }
    }

    fn good(&self) -> Style {
        if self.colour { Style::new().fg(Color::Green) } else { Style::new() }
    }
}

fn severity(tone: Tone) -> u8 {
    match tone {
        Tone::Dim => 0,
        Tone::Plain => 1,
        Tone::Warn => 2,
        Tone::Bad => 3,
    }
}

fn fit(lines: usize) -> u16 {
    u16::try_from(lines).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
