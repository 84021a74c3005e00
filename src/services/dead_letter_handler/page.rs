//! One dead letter on one page, for people and for programs.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::mask::{mask_json, mask_text};
use super::table::time;
use super::way_back::way_back;
use crate::store::dead_letters::DeadLetter;

/// The payload as far as it can be read.
enum Payload {
    Json(Value),
    Text(String),
    Binary,
}

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

fn payload(bytes: &[u8], reveal: bool) -> Payload {
    match (serde_json::from_slice(bytes), std::str::from_utf8(bytes)) {
        (Ok(mut value), _) => {
            if !reveal {
                mask_json(&mut value);
            }
            Payload::Json(value)
        }
        (Err(_), Ok(text)) if reveal => Payload::Text(text.to_owned()),
        (Err(_), Ok(text)) => Payload::Text(mask_text(text)),
        (Err(_), Err(_)) => Payload::Binary,
    }
}

pub fn json(letter: DeadLetter, reveal: bool) -> Result<Value, serde_json::Error> {
    let letter = if reveal { letter } else { hidden(letter) };
    let mut page = serde_json::to_value(&letter.summary)?;
    let way = way_back(&letter.summary).map(|way| json!({"exchange": way.exchange, "routing_key": way.routing_key}));
    page["replay_to"] = way.into();
    page["properties"] = Value::Object(letter.properties);
    page["headers"] = Value::Object(letter.headers);
    page["deaths"] = letter.deaths;
    page["payload_bytes"] = letter.payload.len().into();
    match payload(&letter.payload, reveal) {
        Payload::Json(value) => page["payload"] = value,
        Payload::Text(text) => page["payload_text"] = text.into(),
        Payload::Binary if reveal => page["payload_hex"] = hex(&letter.payload).into(),
        Payload::Binary => {}
    }
    Ok(page)
}

pub fn text(letter: DeadLetter, reveal: bool) -> String {
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
    travelled(&mut page, deaths);
    section(&mut page, "Properties", properties);
    section(&mut page, "Headers", headers);
    let _ = writeln!(page, "\nPayload, {} bytes", bytes.len());
    match payload(bytes, reveal) {
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
