//! The list of dead letters as a table.

use comfy_table::{ContentArrangement, Table, TableStyle};
use time::OffsetDateTime;
use time::macros::format_description;

use super::mask::mask_text;
use crate::store::dead_letters::{Candidate, Summary};

/// Longest error in a line; `show` has the whole.
const ERROR_WIDTH: usize = 60;

pub fn of(letters: &[Summary]) -> Table {
    let mut table = plain(["ID", "LAST FAILED (UTC)", "QUEUE", "REASON", "ORDER", "TIMES", "STATE", "ERROR"]);
    for letter in letters {
        table.add_row([
            letter.id.to_string(),
            time(letter.last_failed_at),
            or_dash(&letter.queue),
            letter.reason.clone(),
            letter.order_id.map_or_else(|| "-".to_owned(), |id| id.to_string()),
            letter.failures.to_string(),
            letter.state.to_string(),
            line(&letter.error),
        ]);
    }
    table
}

/// How many of which kind.
pub fn counted(candidates: &[Candidate]) -> Table {
    let mut counts = std::collections::BTreeMap::new();
    for candidate in candidates {
        *counts.entry((candidate.queue.as_str(), candidate.reason.as_str())).or_insert(0_usize) += 1;
    }
    let mut table = plain(["QUEUE", "REASON", "DEAD LETTERS"]);
    for ((queue, reason), count) in counts {
        table.add_row([or_dash(queue), reason.to_owned(), count.to_string()]);
    }
    table
}

pub fn time(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second]")).unwrap_or_else(|_| at.to_string())
}

fn plain<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    // One line per row whatever the width of the terminal: a broken id cannot be copied.
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    table
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

fn line(error: &str) -> String {
    let mut chars = error.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line = mask_text(&chars.by_ref().take(ERROR_WIDTH).collect::<String>());
    if chars.next().is_some() {
        line.push('…');
    }
    line
}
