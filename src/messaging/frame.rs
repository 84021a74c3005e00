//! Keeps the headers of a copy within one frame. AMQP has no second frame for properties: a message whose own headers nearly fill one
//! leaves no room for our reasons, and publishing it would cost the connection, again after every redelivery.

use lapin::types::{AMQPValue, FieldTable};

use crate::contract::headers::{ERROR, LEFT_OUT, OF_FAILURE};

/// RabbitMQ's `frame_max` in bytes, unless it is configured; every connection asks for it.
pub const FRAME_MAX: usize = 131_072;
/// Largest headers in bytes. The rest of a frame is for the other properties, eight short texts of at most 255 bytes, and for the names of what
/// was left out.
const MOST: usize = FRAME_MAX - 8_192;
/// Longest list of names, in characters.
const MOST_NAMES: usize = 1_024;
/// A header of ours is a name, a time or a code; a larger one under our name was sent by somebody else. Only the error is longer.
const LARGEST_OF_OURS: usize = 512;

/// The headers, without the sender's largest ones if all of them do not fit. Their names are kept.
pub fn within_one_frame(headers: FieldTable) -> FieldTable {
    let mut size = bytes_of_table(&headers);
    if size <= MOST {
        return headers;
    }
    let mut foreign: Vec<(&str, usize)> = headers
        .inner()
        .iter()
        .map(|(name, value)| (name.as_str(), bytes_of_entry(name.as_str(), value)))
        .filter(|(name, bytes)| *name != ERROR && (*bytes > LARGEST_OF_OURS || !OF_FAILURE.contains(name)))
        .collect();
    foreign.sort_unstable_by_key(|(_, bytes)| *bytes);
    let mut left_out = Vec::new();
    while size > MOST
        && let Some((name, bytes)) = foreign.pop()
    {
        size -= bytes;
        left_out.push(name);
    }
    let names: String = left_out.join(", ").chars().take(MOST_NAMES).collect();
    let mut kept = FieldTable::default();
    for (name, value) in headers.inner().iter().filter(|(name, _)| !left_out.contains(&name.as_str())) {
        kept.insert(name.clone(), value.clone());
    }
    kept.insert(LEFT_OUT.into(), AMQPValue::LongString(names.as_str().into()));
    kept
}

fn bytes_of_table(table: &FieldTable) -> usize {
    4 + table.inner().iter().map(|(name, value)| bytes_of_entry(name.as_str(), value)).sum::<usize>()
}

fn bytes_of_entry(name: &str, value: &AMQPValue) -> usize {
    1 + name.len() + bytes_of(value)
}

/// The bytes of a value with its type (AMQP 0-9-1, 4.2.5.5).
fn bytes_of(value: &AMQPValue) -> usize {
    1 + match value {
        AMQPValue::Void => 0,
        AMQPValue::Boolean(_) | AMQPValue::ShortShortInt(_) | AMQPValue::ShortShortUInt(_) => 1,
        AMQPValue::ShortInt(_) | AMQPValue::ShortUInt(_) => 2,
        AMQPValue::LongInt(_) | AMQPValue::LongUInt(_) | AMQPValue::Float(_) => 4,
        AMQPValue::DecimalValue(_) => 5,
        AMQPValue::LongLongInt(_) | AMQPValue::Timestamp(_) | AMQPValue::Double(_) => 8,
        AMQPValue::ShortString(text) => 1 + text.as_str().len(),
        AMQPValue::LongString(text) => 4 + text.as_bytes().len(),
        AMQPValue::ByteArray(bytes) => 4 + bytes.as_slice().len(),
        AMQPValue::FieldArray(values) => 4 + values.as_slice().iter().map(bytes_of).sum::<usize>(),
        AMQPValue::FieldTable(table) => bytes_of_table(table),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&str, usize)]) -> FieldTable {
        let mut table = FieldTable::default();
        for (name, bytes) in entries {
            table.insert((*name).into(), AMQPValue::LongString("x".repeat(*bytes).into()));
        }
        table
    }

    #[test]
    fn headers_that_fit_stay_as_they_are() {
        let headers = table(&[("a", 100_000), ("fleet-error", 4_000)]);
        assert_eq!(within_one_frame(headers.clone()), headers);
    }

    #[test]
    fn the_largest_foreign_headers_go_first_and_ours_stay() {
        let kept = within_one_frame(table(&[("a", 60_000), ("b", 70_000), ("c", 10), ("fleet-error", 16_000)]));
        let names: Vec<&str> = kept.inner().keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["a", "c", "fleet-error", LEFT_OUT]);
        assert_eq!(kept.inner()[LEFT_OUT], AMQPValue::LongString("b".into()));
        assert!(bytes_of_table(&kept) <= MOST + MOST_NAMES);
    }

    #[test]
    fn a_stranger_cannot_hide_a_large_header_behind_our_names() {
        let kept = within_one_frame(table(&[("fleet-attempt", 130_000), ("fleet-reason", 20), ("fleet-error", 9)]));
        assert!(!kept.contains_key("fleet-attempt") && kept.contains_key("fleet-reason"));
    }

    #[test]
    fn nested_values_count_with_all_they_hold() {
        let inner =
            AMQPValue::FieldArray(vec![AMQPValue::LongInt(1), AMQPValue::FieldTable(table(&[("k", 3)]))].into());
        // array: type 1, length 4; number: 5; table: type 1, length 4, name 2, text 1 + 4 + 3
        assert_eq!(bytes_of(&inner), 5 + 5 + 5 + 2 + 8);
    }
}
