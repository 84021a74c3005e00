//! One dead letter on one page, for people; for programs it is `dead_letters::view`.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::table::time;
use crate::dead_letters::case::Case;
use crate::dead_letters::consumers::Verdict;
use crate::dead_letters::mask::{mask_json, mask_text};
use crate::dead_letters::view::{Payload, hex};
use crate::dead_letters::way_back::way_back;
use crate::store::dead_letters::{DeadLetter, Death, Group};
use crate::store::order_queries::OrderDetails;

/// Hides personal data; whoever asked for it gets the letter as it is.
fn hidden(mut letter: DeadLetter) -> DeadLetter {
    let summary = &mut letter.summary;
    summary.error = mask_text(&summary.error);
    summary.state_reason = summary.state_reason.as_deref().map(mask_text);
    for part in [&mut letter.headers, &mut letter.properties] {
        let mut value = Value::Object(std::mem::take(part));
        mask_json(&mut value);
        if let Value::Object(masked) = value {
            *part = masked;
        }
    }
    letter
}

pub fn text(case: Case, reveal: bool) -> String {
    let shown = |text: &str| if reveal { visible(text) } else { visible(&mask_text(text)) };
    let Case { letter, deaths: died, edits, group, died_together, order, verdict } = case;
    let letter = if reveal { letter } else { hidden(letter) };
    let DeadLetter { summary, headers, properties, deaths, payload: bytes } = &letter;
    let mut page = format!("Dead letter {}\n\n", summary.id);
    let mut line = |name: &str, value: String| {
        let _ = writeln!(page, "  {name:<12} {}", value.replace('\n', "\n               "));
    };
    let because = summary.state_reason.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
    line("state", format!("{}{because}, since {}", summary.state, time(summary.state_changed_at)));
    line("failed in", known(&summary.queue).to_owned());
    line("why", summary.reason.clone());
    line("error", summary.error.clone());
    line("failures", times_failed(summary.failures, time(summary.first_failed_at), time(summary.last_failed_at)));
    line("replays", summary.replays.to_string());
    line("message", summary.message_id.to_string());
    if let Some(kind) = &summary.kind {
        line("type", kind.clone());
    }
    if let Some(order) = summary.order_id {
        line("order", order.to_string());
    }
    if let Some(correlation) = &summary.correlation_id {
        line("correlation", correlation.clone());
    }
    line("came by", way(&summary.exchange, &summary.routing_key));
    let back = way_back(summary);
    line(
        "replay goes",
        back.map_or_else(|| "nowhere: its origin is unknown".to_owned(), |to| way(&to.exchange, &to.routing_key)),
    );
    line("replay now", shown(&verdict.to_string()));
    if let Some(group) = &group {
        line(
            "group",
            format!(
                "{}: {} unresolved, {} deaths since {}",
                group.id,
                group.unresolved,
                group.failures,
                time(group.first_seen)
            ),
        );
    }
    line(
        "died",
        if died_together > 1 {
            format!("with {} others of its group in that minute", died_together - 1)
        } else {
            "alone".to_owned()
        },
    );
    each_death(&mut page, &died, &shown);
    for edit in &edits {
        let _ = writeln!(page, "\nEdited at {} by {}: {}", time(edit.at), edit.actor, shown(&edit.reason));
        page.push_str(&changes(&edit.patch, &shown));
    }
    if let Some(order) = &order {
        timeline(&mut page, order);
    }
    travelled(&mut page, deaths);
    section(&mut page, "Properties", properties);
    section(&mut page, "Headers", headers);
    let _ = writeln!(page, "\nPayload, {} bytes", bytes.len());
    match Payload::read(bytes, reveal) {
        Payload::Json(value) => {
            let _ = writeln!(page, "{value:#}");
        }
        Payload::Text(text) => {
            let _ = writeln!(page, "{}", visible(&text));
        }
        Payload::Binary if reveal => {
            let _ = writeln!(page, "{}", hex(bytes));
        }
        Payload::Binary => page.push_str("  not text; --reveal shows it in hex\n"),
    }
    page
}

/// A group, for programs; with its newest letter and what would come of that.
pub fn group_json(group: &Group, newest: Option<&(Uuid, Verdict)>) -> Result<Value, serde_json::Error> {
    let mut page = serde_json::to_value(group)?;
    page["newest"] = newest.map(|(id, verdict)| json!({"id": id, "if_replayed_now": verdict})).into();
    mask_json(&mut page["newest"]);
    Ok(page)
}

/// A group, for people: what is known of it, and what to do next.
pub fn group(group: &Group, newest: Option<&(Uuid, Verdict)>) -> String {
    let mut page = format!("Group {}\n\n", group.id);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(page, "  {name:<12} {value}");
    };
    line("state", group.state.as_str());
    line("consumer", known(&group.queue));
    line("why", &group.reason);
    line("type", group.kind.as_deref().unwrap_or("-"));
    line("error", &mask_text(&group.error));
    line("unresolved", &group.unresolved.to_string());
    line(
        "deaths",
        &format!("{}, first {}, last {} UTC", group.failures, time(group.first_seen), time(group.last_seen)),
    );
    line("last hour", &format!("{} (the hour before: {})", group.last_hour, group.hour_before));
    let died = if group.is_collateral() { "together, of an outage" } else { "each of itself" };
    line("died", died);
    line("owner", group.owner.as_deref().unwrap_or("-"));
    line("note", group.note.as_deref().unwrap_or("-"));
    let Some((id, verdict)) = newest else { return page };
    line("newest", &id.to_string());
    line("replay now", &visible(&mask_text(&verdict.to_string())));
    let group = group.id;
    let _ = write!(page, "\nNext\n  dead-letter-handler show {id}\n");
    if matches!(verdict, Verdict::Fail { .. }) {
        let _ = writeln!(page, "  dead-letter-handler edit --group {group} --set PATH=VALUE --why \"…\"");
    }
    let _ = writeln!(page, "  dead-letter-handler replay --group {group} --why \"…\"");
    page
}

/// A JSON Patch, a line per change.
pub fn changes(patch: &Value, shown: &dyn Fn(&str) -> String) -> String {
    let mut text = String::new();
    for change in patch.as_array().into_iter().flatten() {
        let part = |name: &str| change.get(name).and_then(Value::as_str).unwrap_or("?");
        let value = change.get("value").map_or_else(String::new, |value| format!(" = {}", shown(&value.to_string())));
        let _ = writeln!(text, "  {:<8} {}{value}", part("op"), part("path"));
    }
    text
}

/// Why it failed each time.
fn each_death(page: &mut String, died: &[Death], shown: &dyn Fn(&str) -> String) {
    if died.is_empty() {
        return;
    }
    page.push_str("\nFailed, the first time first\n");
    for death in died {
        let replays = if death.replays > 0 { format!(", after replay {}", death.replays) } else { String::new() };
        let _ = writeln!(page, "  {} {}{replays}", time(death.at), death.reason);
        for attempt in death.attempts.as_array().into_iter().flatten() {
            let text = |name: &str| attempt.get(name).and_then(Value::as_str).unwrap_or("?");
            let number =
                attempt.get("attempt").and_then(Value::as_i64).map_or_else(|| "-".to_owned(), |n| n.to_string());
            let _ = writeln!(page, "    attempt {number} at {}: {}", text("at"), shown(text("error")));
        }
    }
}

/// Where its order stands, and how it came there.
fn timeline(page: &mut String, order: &OrderDetails) {
    let _ = writeln!(page, "\nOrder {}, now {}", order.order.id, order.order.status);
    for entry in &order.timeline {
        let step = entry.step.as_ref().map_or_else(String::new, |step| format!(", {step}"));
        let detail = entry.detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
        let _ = writeln!(page, "  {} {} ({}{step}){detail}", time(entry.at), entry.event, entry.status);
    }
}

fn times_failed(failures: i32, first: String, last: String) -> String {
    match failures {
        1 => format!("1, at {last} UTC"),
        _ => format!("{failures}, first {first}, last {last} UTC"),
    }
}

fn travelled(page: &mut String, deaths: &Value) {
    let Some(deaths) = deaths.as_array().filter(|deaths| !deaths.is_empty()) else { return };
    page.push_str("\nTravelled, the latest first (x-death)\n");
    for death in deaths {
        let text = |name: &str| death.get(name).and_then(Value::as_str).unwrap_or("?");
        let keys: Vec<&str> = death
            .get("routing-keys")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let times = death.get("count").and_then(Value::as_i64).unwrap_or(1);
        let from = way(text("exchange"), &keys.join(", "));
        let _ = writeln!(page, "  {} in {}, {times} time(s), came by {from}", text("reason"), text("queue"));
    }
}

fn section(page: &mut String, title: &str, fields: &Map<String, Value>) {
    if fields.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n{title}");
    for (name, value) in fields {
        let value = value.as_str().map_or_else(|| value.to_string(), visible);
        let _ = writeln!(page, "  {name}: {value}");
    }
}

fn way(exchange: &str, routing_key: &str) -> String {
    match (exchange, routing_key) {
        ("", "") => known("").to_owned(),
        ("", queue) => format!("straight to {queue}"),
        (exchange, "") => format!("exchange {exchange}"),
        (exchange, routing_key) => format!("exchange {exchange}, routing key {routing_key}"),
    }
}

fn known(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}

/// A foreign text must not steer the terminal.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}
