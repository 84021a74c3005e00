//! The examples of the messages: the golden files, of which a test shows that today's code writes and reads exactly these.

use rust_embed::RustEmbed;
use serde_json::{Value, json};

use crate::domain::OrderStatus;
use crate::domain::notification::Kind;

#[derive(RustEmbed)]
#[folder = "tests/golden"]
struct Golden;

/// The newest golden files of a message by the names of the files. Messages that share a type share its files: there the field by which
/// they differ is set.
pub(super) fn of(message: &str) -> Vec<(String, Value)> {
    let event = message.strip_prefix("order.").filter(|name| *name != "submitted");
    if let Some(event) = event {
        // an order that was taken up is being processed; the other events are named as their status
        let status = event.parse().unwrap_or(OrderStatus::Processing);
        return with("status", json!(status), newest("order.event"));
    }
    match Kind::ALL.into_iter().find(|kind| kind.as_str() == message) {
        Some(kind) => with("type", json!(kind), newest("notification")),
        None => newest(message),
    }
}

fn with(field: &str, value: Value, mut examples: Vec<(String, Value)>) -> Vec<(String, Value)> {
    for (_, example) in &mut examples {
        example[field] = value.clone();
    }
    examples
}

/// Files of the highest version, as `v2` and `v2-minimal`.
fn newest(folder: &str) -> Vec<(String, Value)> {
    let mut files: Vec<(u32, String, Value)> = Golden::iter().filter_map(|path| read(folder, &path)).collect();
    let newest = files.iter().map(|(version, ..)| *version).max();
    files.retain(|(version, ..)| Some(*version) == newest);
    files.sort_by(|one, other| one.1.cmp(&other.1));
    files.into_iter().map(|(_, name, value)| (name, value)).collect()
}

fn read(folder: &str, path: &str) -> Option<(u32, String, Value)> {
    let name = path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".json")?;
    let version = name.split('-').next()?.strip_prefix('v')?.parse().ok()?;
    let file = Golden::get(path)?;
    Some((version, name.to_owned(), serde_json::from_slice(&file.data).ok()?))
}
