//! The parts of the status about what operators have done and have to do, as tables: causes of dead letters, replays, what is stopped.
//! Called by [`super::status_sections`].

use super::error::count;
use super::grid::{Row, Tone, cut};
use super::output::{moment, printable};
use super::status_tables::{Table, left, right, up_to};
use crate::contract::status::{OpenGroup, OpenGroups, ReplayStatus, Stopped, StoppedKind};

/// Characters of a cause: the other columns must find room beside it, and the group tells it whole.
const CAUSE: usize = 56;
/// Characters of a full progress bar.
const BAR: usize = 20;

pub fn groups(open: &OpenGroups) -> Table {
    let row = |group: &OpenGroup| Row {
        cells: vec![
            up_to(group.letters, open.counted_up_to),
            printable(if group.queue.is_empty() { "unknown" } else { &group.queue }),
            cut(&printable(&group.cause), CAUSE),
            moment(group.since),
            trend(group),
            printable(if group.state == "open" { "" } else { &group.state }),
            printable(group.owner.as_deref().unwrap_or_default()),
            group.id.to_string(),
        ],
        tone: if group.state == "open" { Tone::Bad } else { Tone::Warn },
    };
    let columns = vec![
        right("letters", 0),
        left("queue", 1),
        left("cause", 0),
        left("since (UTC)", 5),
        left("trend", 3),
        left("state", 4),
        left("owner", 2),
        left("group", 6),
    ];
    let shown = i64::try_from(open.largest.len()).unwrap_or(i64::MAX);
    let summary = match (open.groups, open.groups > shown) {
        (0, _) => "none".to_owned(),
        (groups, false) => format!("{groups}"),
        (groups, true) => format!("{groups}, the largest {shown}"),
    };
    Table { summary, columns, rows: open.largest.iter().map(row).collect() }
}

/// In words that need no legend.
fn trend(group: &OpenGroup) -> String {
    match (group.last_hour, group.hour_before) {
        (0, 0) => "quiet".to_owned(),
        (now, before) => {
            let sign = match now.cmp(&before) {
                std::cmp::Ordering::Greater => "rising",
                std::cmp::Ordering::Equal => "steady",
                std::cmp::Ordering::Less => "falling",
            };
            format!("{sign}: {now}/h, was {before}/h")
        }
    }
}

pub fn replays(replays: &[ReplayStatus]) -> Table {
    let row = |replay: &ReplayStatus| Row {
        cells: vec![
            replay.id.to_string(),
            printable(&replay.state),
            bar(replay.ended, replay.total),
            format!("{} of {}", replay.ended, replay.total),
            replay.applied.to_string(),
            replay.failed.to_string(),
            moment(replay.since),
            printable(&replay.operator),
            printable(replay.state_reason.as_deref().unwrap_or(&replay.selection)),
        ],
        tone: if replay.state == "running" { Tone::Plain } else { Tone::Warn },
    };
    let columns = vec![
        left("replay", 0),
        left("state", 0),
        left("", 3),
        right("ended", 1),
        right("applied", 2),
        right("failed", 2),
        left("begun (UTC)", 5),
        left("by", 4),
        left("what", 6),
    ];
    let running = replays.iter().filter(|replay| replay.state == "running").count();
    let summary = match (running, replays.len() - running) {
        (0, 0) => "none under way".to_owned(),
        (running, 0) => format!("{running} running"),
        (running, paused) => format!("{running} running, {paused} paused"),
    };
    Table { summary, columns, rows: replays.iter().map(row).collect() }
}

fn bar(ended: i32, total: i32) -> String {
    let whole = |number: i32| usize::try_from(number).unwrap_or(0);
    let full = whole(ended).saturating_mul(BAR).checked_div(whole(total)).unwrap_or(BAR).min(BAR);
    format!("[{}{}]", "#".repeat(full), ".".repeat(BAR - full))
}

pub fn stopped(stopped: &[Stopped]) -> Table {
    let row = |one: &Stopped| Row {
        cells: vec![
            match one.kind {
                StoppedKind::Consumer => "consumers paused".to_owned(),
                StoppedKind::Order => "order held".to_owned(),
            },
            printable(&one.what),
            moment(one.at),
            printable(&one.by),
            printable(&one.reason),
        ],
        tone: Tone::Warn,
    };
    let columns = vec![left("what", 1), left("which", 0), left("since (UTC)", 3), left("by", 2), left("why", 0)];
    let consumers = stopped.iter().filter(|one| one.kind == StoppedKind::Consumer).count();
    let summary = match (consumers, stopped.len() - consumers) {
        (0, 0) => "nothing".to_owned(),
        (consumers, orders) => format!("consumers of {}, {}", count(consumers, "queue"), count(orders, "order")),
    };
    Table { summary, columns, rows: stopped.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_when_all_has_ended_and_not_before() {
        assert_eq!(bar(0, 100), "[....................]");
        assert_eq!(bar(99, 100), "[###################.]");
        assert_eq!((bar(100, 100), bar(0, 0)), (bar(7, 7), bar(7, 7)));
    }
}
