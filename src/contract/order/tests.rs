//! Orders as clients really write them, good and bad.

use serde_json::json;

use super::*;

fn read(value: &Value, source: Source) -> Result<OrderForm, Unreadable> {
    read_order(value.as_object().expect("an object"), source)
}

fn pointers(result: Result<OrderForm, Unreadable>) -> Vec<String> {
    match result {
        Err(Unreadable::Fields(errors)) => errors.into_iter().map(|error| error.pointer).collect(),
        other => panic!("expected field errors, got {other:?}"),
    }
}

#[test]
fn an_order_written_by_a_python_client_is_read() {
    let form = read(
        &json!({
            "id": "4be0643f-1d98-573b-97cd-ca98a65347dd", "customer_id": "c-1", "email": "a@b.example", "phone": "+15550001111",
            "items": [{"sku": "WIDGET-01", "quantity": 2, "price": 19.99}], "total": 39.98, "status": "pending",
            "created_at": "2026-01-31T12:00:00.123456"
        }),
        Source::Amqp,
    )
    .expect("readable");
    assert_eq!(form.total, Some("39.98".parse().expect("money")));
    assert_eq!(form.created_at.expect("a date").unix_timestamp(), 1_769_860_800);
    assert!(form.unknown.is_empty());
}

#[test]
fn every_field_at_fault_is_named_at_once() {
    let found = pointers(read(
        &json!({
            "customer_id": 7, "email": "nobody", "phone": "x", "colour": "red", "total": -1,
            "items": [{"sku": "A", "quantity": 0}, {"sku": "", "quantity": "2"}, {"quantity": 1.5, "gift": true}, 3]
        }),
        Source::Http,
    ));
    for pointer in [
        "/customer_id",
        "/email",
        "/phone",
        "/colour",
        "/total",
        "/items/0/quantity",
        "/items/1/sku",
        "/items/1/quantity",
        "/items/2/sku",
        "/items/2/quantity",
        "/items/2/gift",
        "/items/3",
    ] {
        assert!(found.iter().any(|p| p == pointer), "{pointer} is missing in {found:?}");
    }
}

#[test]
fn a_submitted_order_cannot_claim_to_be_confirmed() {
    let found = pointers(read(
        &json!({"id": "no", "customer_id": "c", "email": "a@b.c", "items": [], "status": "confirmed"}),
        Source::Amqp,
    ));
    assert_eq!(found, ["/id", "/items", "/status"]);
}

#[test]
fn bytes_that_are_no_object_say_why() {
    assert_eq!(read_object(b"\xff{}"), Err(Unreadable::NotUtf8(0)));
    assert!(matches!(read_object(b"{\"a\":"), Err(Unreadable::NotJson(_))));
    assert_eq!(read_object(b"[1]"), Err(Unreadable::NotAnObject("a list")));
}
