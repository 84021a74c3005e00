//! The list of dead letters as a table.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, TableStyle};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::contract::status::Stopped;
use crate::dead_letters::mask::mask_text;
use crate::dead_letters::replay::Preview;
use crate::store::dead_letters::{Count, CountedBy, Group, Operation, Summary};

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

/// One line per cause.
pub fn groups(groups: &[Group]) -> Table {
    let header = [
        "GROUP",
        "LAST SEEN (UTC)",
        "UNRESOLVED",
        "DEATHS",
        "LAST HOUR",
        "DIED",
        "QUEUE",
        "REASON",
        "TYPE",
        "OWNER",
        "STATE",
        "ERROR",
    ];
    let mut table = plain(header);
    for group in groups {
        table.add_row([
            group.id.to_string(),
            time(group.last_seen),
            group.unresolved.to_string(),
            group.failures.to_string(),
            trend(group),
            if group.is_collateral() { "together" } else { "alone" }.to_owned(),
            or_dash(&group.queue),
            group.reason.clone(),
            or_dash(group.kind.as_deref().unwrap_or_default()),
            or_dash(group.owner.as_deref().unwrap_or_default()),
            group.state.to_string(),
            line(&group.error),
        ]);
    }
    table
}

/// One line per order, customer, …
pub fn counts(by: CountedBy, counts: &[Count]) -> Table {
    let key = by.as_str().to_uppercase();
    let mut table = plain([key.as_str(), "LETTERS", "CAUSES", "FIRST FAILED (UTC)", "LAST FAILED (UTC)"]);
    for count in counts {
        table.add_row([
            line(&count.key),
            count.letters.to_string(),
            count.groups.to_string(),
            time(count.first_failed_at),
            time(count.last_failed_at),
        ]);
    }
    table
}

/// Deaths in the last hour, and whether they were more than in the hour before.
pub fn trend(group: &Group) -> String {
    let arrow = match group.last_hour.cmp(&group.hour_before) {
        std::cmp::Ordering::Greater => "\u{2191}",
        std::cmp::Ordering::Less => "\u{2193}",
        std::cmp::Ordering::Equal => "",
    };
    format!("{}{arrow}", group.last_hour)
}

/// What would come of a replay, group by group.
pub fn preview(preview: &Preview) -> String {
    let mut text = String::new();
    for group in &preview.groups {
        let name = group.group_id.map_or_else(|| "no group".to_owned(), |id| format!("group {id}"));
        let _ = writeln!(
            text,
            "{} in {} ({}), {name}: {}",
            group.total,
            or_dash(&group.queue),
            group.reason,
            line(&group.error)
        );
        for verdict in &group.verdicts {
            let _ = writeln!(text, "  {:>7}  {}", verdict.count, mask_text(&verdict.example));
        }
    }
    let of = match preview.rehearsed == preview.total {
        true => "all of them were tried and rolled back".to_owned(),
        false => format!("{} of them were tried and rolled back, from every group the oldest", preview.rehearsed),
    };
    let _ = writeln!(text, "{} to replay; {of}", preview.total);
    text
}

/// What operators have stopped.
pub fn stopped(all: &[Stopped]) -> Table {
    let mut table = plain(["WHAT", "SINCE (UTC)", "BY", "WHY"]);
    for one in all {
        table.add_row([one.what.clone(), time(one.at), one.by.clone(), line(&one.reason)]);
    }
    table
}

/// One line per replay.
pub fn replays(all: &[Operation]) -> Table {
    let mut table =
        plain(["REPLAY", "BEGUN (UTC)", "BY", "STATE", "TOTAL", "APPLIED", "FAILED", "SKIPPED", "KEPT", "WHAT"]);
    for one in all {
        table.add_row([
            one.id.to_string(),
            time(one.created_at),
            one.operator.clone(),
            one.state.to_string(),
            one.total.to_string(),
            one.applied.to_string(),
            one.failed.to_string(),
            one.skipped.to_string(),
            one.kept.to_string(),
            line(&one.selection),
        ]);
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
