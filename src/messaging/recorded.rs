//! Properties and headers of a message as JSON, for the dead-letter store: readable for an operator, and exact enough that the
//! message can be published again.
//!
//! What JSON (and PostgreSQL's `jsonb`) cannot hold is written as an object with one key that begins with `$`: `$text` (in hex) for
//! text that is not UTF-8 or contains NUL, `$bytes` (in hex), `$timestamp`, `$decimal`, and `$table` for a real table that looks like
//! one of these. Widths of numbers are not kept: every client reads any of them.

use std::fmt::Write;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, ByteArray, DecimalValue, FieldArray, FieldTable, LongString};
use serde_json::{Map, Value, json};

use super::incoming::whole;

/// Deepest nesting that is kept. `serde_json` reads at most 128 levels; no client nests deeper than `x-death`, which needs two.
const MAX_DEPTH: usize = 32;

/// One message's properties, with the headers apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    pub properties: Map<String, Value>,
    pub headers: Map<String, Value>,
}

/// Reads what came with a message.
pub fn record(message: &BasicProperties) -> Recorded {
    let mut properties = Map::new();
    let texts = [
        ("message_id", message.message_id()),
        ("correlation_id", message.correlation_id()),
        ("type", message.kind()),
        ("content_type", message.content_type()),
        ("content_encoding", message.content_encoding()),
        ("reply_to", message.reply_to()),
        ("expiration", message.expiration()),
        ("app_id", message.app_id()),
        ("user_id", message.user_id()),
        ("cluster_id", message.cluster_id()),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            properties.insert(name.to_owned(), text_to_json(text.as_str().as_bytes()));
        }
    }
    let numbers = [
        ("delivery_mode", message.delivery_mode().map(u64::from)),
        ("priority", message.priority().map(u64::from)),
        ("timestamp", *message.timestamp()),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            properties.insert(name.to_owned(), number.into());
        }
    }
    Recorded { properties, headers: message.headers().as_ref().map_or_else(Map::new, |table| table_to_json(table, 0)) }
}

/// The properties to publish the same message again. Left out: `user_id`, which only its owner may send; `expiration`, which
/// would let the copy vanish unseen; `delivery_mode` and `cluster_id`, which are the publisher's own.
pub(super) fn restore(recorded: &Recorded) -> BasicProperties {
    let text = |name: &str| match json_to_value(recorded.properties.get(name)?) {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned().into()),
        _ => None,
    };
    let mut properties = BasicProperties::default().with_headers(json_to_table(&recorded.headers));
    if let Some(id) = text("message_id") {
        properties = properties.with_message_id(id);
    }
    if let Some(id) = text("correlation_id") {
        properties = properties.with_correlation_id(id);
    }
    if let Some(kind) = text("type") {
        properties = properties.with_type(kind);
    }
    if let Some(content_type) = text("content_type") {
        properties = properties.with_content_type(content_type);
    }
    if let Some(encoding) = text("content_encoding") {
        properties = properties.with_content_encoding(encoding);
    }
    if let Some(queue) = text("reply_to") {
        properties = properties.with_reply_to(queue);
    }
    if let Some(app_id) = text("app_id") {
        properties = properties.with_app_id(app_id);
    }
    if let Some(priority) = recorded.properties.get("priority").and_then(Value::as_u64) {
        properties = properties.with_priority(u8::try_from(priority).unwrap_or(u8::MAX));
    }
    if let Some(timestamp) = recorded.properties.get("timestamp").and_then(Value::as_u64) {
        properties = properties.with_timestamp(timestamp);
    }
    properties
}

fn table_to_json(table: &FieldTable, depth: usize) -> Map<String, Value> {
    table.inner().iter().map(|(name, value)| (name.as_str().replace('\0', "\u{fffd}"), to_json(value, depth))).collect()
}

fn to_json(value: &AMQPValue, depth: usize) -> Value {
    if depth >= MAX_DEPTH {
        return Value::String("(nested too deeply)".to_owned());
    }
    match value {
        AMQPValue::Boolean(flag) => json!(flag),
        AMQPValue::ShortShortInt(_)
        | AMQPValue::ShortShortUInt(_)
        | AMQPValue::ShortInt(_)
        | AMQPValue::ShortUInt(_)
        | AMQPValue::LongInt(_)
        | AMQPValue::LongUInt(_)
        | AMQPValue::LongLongInt(_) => json!(whole(value)),
        AMQPValue::Float(number) => json!(number),
        AMQPValue::Double(number) => json!(number),
        AMQPValue::DecimalValue(decimal) => json!({"$decimal": [decimal.scale, decimal.value]}),
        AMQPValue::ShortString(text) => text_to_json(text.as_str().as_bytes()),
        AMQPValue::LongString(text) => text_to_json(text.as_bytes()),
        AMQPValue::ByteArray(bytes) => json!({"$bytes": hex(bytes.as_slice())}),
        AMQPValue::Timestamp(seconds) => json!({"$timestamp": seconds}),
        AMQPValue::FieldArray(array) => array.as_slice().iter().map(|entry| to_json(entry, depth + 1)).collect(),
        AMQPValue::FieldTable(table) => {
            let object = table_to_json(table, depth + 1);
            match marked(&object) {
                Some(_) => json!({"$table": object}),
                None => Value::Object(object),
            }
        }
        AMQPValue::Void => Value::Null,
    }
}

fn text_to_json(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Value::String(text.to_owned()),
        Ok(_) | Err(_) => json!({"$text": hex(bytes)}),
    }
}

fn json_to_table(object: &Map<String, Value>) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in object {
        table.insert(name.as_str().into(), json_to_value(value));
    }
    table
}

fn json_to_value(value: &Value) -> AMQPValue {
    match value {
        Value::Null => AMQPValue::Void,
        Value::Bool(flag) => AMQPValue::Boolean(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(number) => AMQPValue::LongLongInt(number),
            None => AMQPValue::Double(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => AMQPValue::LongString(text.as_str().into()),
        Value::Array(array) => FieldArray::from(array.iter().map(json_to_value).collect::<Vec<_>>()).into(),
        Value::Object(object) => unmark(object).unwrap_or_else(|| AMQPValue::FieldTable(json_to_table(object))),
    }
}

/// The mark of an object that stands for something JSON cannot hold.
fn marked(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, value) = object.iter().next()?;
    (object.len() == 1 && name.starts_with('$')).then_some((name.as_str(), value))
}

fn unmark(object: &Map<String, Value>) -> Option<AMQPValue> {
    match marked(object)? {
        ("$text", Value::String(digits)) => Some(AMQPValue::LongString(LongString::from(unhex(digits)?))),
        ("$bytes", Value::String(digits)) => Some(AMQPValue::ByteArray(ByteArray::from(unhex(digits)?))),
        ("$timestamp", seconds) => Some(AMQPValue::Timestamp(seconds.as_u64()?)),
        ("$table", Value::Object(table)) => Some(AMQPValue::FieldTable(json_to_table(table))),
        ("$decimal", parts) => Some(AMQPValue::DecimalValue(DecimalValue {
            scale: u8::try_from(parts.get(0)?.as_u64()?).ok()?,
            value: u32::try_from(parts.get(1)?.as_u64()?).ok()?,
        })),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_every_type_come_back_as_they_were() {
        let mut inner = FieldTable::default();
        inner.insert("$bytes".into(), AMQPValue::LongString("looks like a mark".into()));
        let mut table = FieldTable::default();
        table.insert("text".into(), AMQPValue::LongString("grün".into()));
        table.insert("nul".into(), AMQPValue::LongString("a\0b".into()));
        table.insert("latin".into(), AMQPValue::LongString(b"gr\xfcn".to_vec().into()));
        table.insert("bytes".into(), AMQPValue::ByteArray(vec![0xff, 0].into()));
        table.insert("when".into(), AMQPValue::Timestamp(1_700_000_000));
        table.insert("price".into(), AMQPValue::DecimalValue(DecimalValue { scale: 2, value: 999 }));
        table.insert("list".into(), FieldArray::from(vec![AMQPValue::LongLongInt(-1), AMQPValue::Void]).into());
        table.insert("table".into(), AMQPValue::FieldTable(inner));
        let recorded = record(&BasicProperties::default().with_headers(table.clone()));
        assert!(!Value::Object(recorded.headers.clone()).to_string().contains("\\u0000"));
        assert_eq!(restore(&recorded).headers().clone(), Some(table));
    }

    #[test]
    fn a_restored_message_is_the_same_message_without_an_expiration_or_a_foreign_user() {
        let message = BasicProperties::default()
            .with_message_id("order-17".into())
            .with_type("order".into())
            .with_reply_to("answers".into())
            .with_priority(3)
            .with_expiration("1000".into())
            .with_user_id("pika".into());
        let restored = restore(&record(&message));
        assert_eq!(restored.message_id().as_ref().map(|id| id.as_str()), Some("order-17"));
        assert_eq!(restored.reply_to().as_ref().map(|queue| queue.as_str()), Some("answers"));
        assert_eq!((restored.priority(), restored.expiration(), restored.user_id()), (&Some(3), &None, &None));
    }

    #[test]
    fn endless_nesting_is_cut() {
        let deep = (0..200).fold(AMQPValue::Void, |inner, _| FieldArray::from(vec![inner]).into());
        let text = to_json(&deep, 0).to_string();
        assert!(serde_json::from_str::<Value>(&text).is_ok());
    }
}
