//! Which deaths are the same, and what is read from a body.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::json;

use super::*;
use crate::contract::subject::Subject;
use crate::topology::names;

fn dead(headers: &[(&str, AMQPValue)], body: &[u8]) -> Incoming {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), value.clone());
    }
    let properties = BasicProperties::default().with_message_id("order-17".into()).with_headers(table);
    Incoming::read(names::DLX, names::FAILED, properties, body.to_vec())
}

fn identity(headers: &[(&str, AMQPValue)], body: &[u8]) -> Uuid {
    DeadLetterHandler.identity(&dead(headers, body))
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

#[test]
fn a_second_death_is_not_the_first_one_come_again() {
    let queue = |name: &str| (headers::ORIGIN_QUEUE, text(name));
    let first = identity(&[queue("analytics")], b"{}");
    assert_eq!(first, identity(&[queue("analytics"), ("traceparent", text("00-1"))], b"{}"));
    let gave_up = |at| [queue("analytics"), (headers::REASON, text("refused")), (headers::FAILED_AT, text(at))];
    assert_ne!(identity(&gave_up("now"), b"{}"), identity(&gave_up("later"), b"{}"));
    assert_ne!(first, identity(&[queue("analytics"), (headers::REPLAYS, AMQPValue::LongInt(1))], b"{}"));
    assert_ne!(first, identity(&[queue("order_replies")], b"{}"));
    assert_ne!(first, identity(&[queue("analytics")], b"{ }"));
}

#[test]
fn anything_is_stored_as_it_is() {
    let hostile = [
        (headers::FAILED_AT, text("9999-01-01T00:00:00Z")),
        (headers::REASON, text("a\0b")),
        (headers::REPLAYS, AMQPValue::Boolean(true)),
        ("x-death", text("none")),
    ];
    let now = OffsetDateTime::now_utc();
    let letter = died(&dead(&hostile, b"\xff\x00"), now);
    assert_eq!((letter.payload.as_slice(), letter.replays, letter.order_id), (b"\xff\x00".as_slice(), 0, None));
    assert_eq!(letter.last_failed_at, now);
}

#[test]
fn the_order_is_found_in_orders_and_in_messages_about_orders() {
    let id = Uuid::now_v7();
    let find = |body: Value| Subject::of(body.to_string().as_bytes()).order_id;
    assert_eq!(find(json!({"id": id, "items": []})), Some(id));
    assert_eq!(find(json!({"order_id": id, "id": Uuid::nil()})), Some(id));
    assert_eq!(find(json!({"id": id})), None);
    assert_eq!(find(json!([id])), None);
}
