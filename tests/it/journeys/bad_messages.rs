//! Bad messages over AMQP end in `dead_letters` with their reason, their body and their id, and harm none of their neighbours.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::amqp::{Client, Found, identified};
use crate::support::{Options, Role, Stage, eventually};

/// An order as another client sends it, with one field replaced.
fn order_with(field: &str, value: Value) -> Vec<u8> {
    let mut order = json!({
        "id": Uuid::new_v4(), "customer_id": "c-1", "email": "ada@shop.example", "phone": "+4930123456",
        "items": [{"sku": "WIDGET-01", "quantity": 1, "price": 19.99}], "total": 19.99, "status": "pending",
        "created_at": "2026-01-31T12:00:00Z"
    });
    order[field] = value;
    order.to_string().into_bytes()
}

fn good() -> Vec<u8> {
    order_with("customer_id", json!("c-2"))
}

fn item(field: &str, value: Value) -> Vec<u8> {
    let mut item = json!({"sku": "WIDGET-01", "quantity": 1, "price": 19.99});
    item[field] = value;
    order_with("items", json!([item]))
}

/// Name, body, reason, and words of the error.
fn bad_ones() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let mut huge = vec![b'x'; 2 << 20];
    huge[0] = b'{';
    vec![
        ("malformed JSON", b"{\"id\": ".to_vec(), "bad_message", "not JSON"),
        ("nothing", Vec::new(), "bad_message", "not JSON"),
        ("no object", b"[1, 2]".to_vec(), "bad_message", "must be a JSON object, is a list"),
        ("invalid UTF-8", b"{\"id\": \"\xff\"}".to_vec(), "bad_message", "not UTF-8 (first bad byte at offset 8)"),
        ("nested without end", b"[".repeat(100_000), "bad_message", "recursion limit"),
        ("2 MB of garbage", huge, "bad_message", "not JSON"),
        ("wrong types", order_with("items", json!("WIDGET-01")), "bad_message", "/items: must be a list, is a string"),
        ("no id", order_with("id", Value::Null), "bad_message", "/id: is required"),
        ("an id that is no UUID", order_with("id", json!(17)), "bad_message", "/id: must be a string, is a number"),
        ("empty items", order_with("items", json!([])), "bad_message", "/items: must not be empty"),
        ("negative quantity", item("quantity", json!(-1)), "bad_message", "/items/0/quantity: must be a whole number"),
        ("zero quantity", item("quantity", json!(0)), "bad_message", "/items/0/quantity"),
        ("huge quantity", item("quantity", json!(1e300)), "bad_message", "/items/0/quantity"),
        ("half a unit", item("quantity", json!(0.5)), "bad_message", "/items/0/quantity"),
        ("unknown field", order_with("colour", json!("red")), "bad_message", "/colour: is not a known field"),
        ("unknown field of an item", item("gift", json!(true)), "bad_message", "/items/0/gift: is not a known field"),
        ("impossible e-mail", order_with("email", json!("nobody")), "bad_message", "/email"),
        ("a status of its own", order_with("status", json!("confirmed")), "bad_message", "/status"),
        ("a date of its own", order_with("created_at", json!("yesterday")), "bad_message", "/created_at"),
        (
            "a date before all dates",
            order_with("created_at", json!("-006000-01-01T00:00:00")),
            "bad_message",
            "/created_at",
        ),
        (
            "text that no database stores",
            order_with("payment_token", json!("tok\u{0}")),
            "bad_message",
            "/payment_token",
        ),
        ("data that no database stores", order_with("metadata", json!({"a": ["b\u{0}"]})), "bad_message", "/metadata"),
        ("unknown sku", item("sku", json!("NOTHING")), "refused", "/items/0/sku: no product has the sku NOTHING"),
        (
            "another price",
            item("price", json!(0.01)),
            "refused",
            "/items/0/price: the price of WIDGET-01 is 19.99, not 0.01",
        ),
        ("another total", order_with("total", json!(1)), "refused", "/total: the total is 19.99, not 1"),
    ]
}

#[tokio::test]
async fn every_bad_order_is_dead_lettered_at_once_with_its_reason_and_its_neighbours_are_confirmed() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 1000).await;
    let bad = bad_ones();
    let mut ids = Vec::new();
    for (_, body, ..) in &bad {
        stage.publish_order(&good()).await;
        ids.push(stage.publish_order(body).await);
    }
    // only now, so that all of them arrive in one batch
    stage.start(&Role::WORKERS).await;
    let mut dead = Vec::new();
    eventually("every bad order is dead-lettered", async || {
        dead.extend(stage.client.drain("dead_letters").await);
        (dead.len() >= bad.len()).then_some(())
    })
    .await;
    for ((name, body, reason, words), id) in bad.iter().zip(&ids) {
        let found: Vec<&Found> = dead.iter().filter(|dead| dead.message_id().as_ref() == Some(id)).collect();
        assert_eq!(found.len(), 1, "{name}");
        assert!(found[0].body == *body, "{name}: the body has changed");
        let error = found[0].header("fleet-error").expect("an error");
        assert_eq!(
            (found[0].header("fleet-reason").as_deref(), found[0].header("fleet-attempt")),
            (Some(*reason), None),
            "{name}: {error}"
        );
        assert!(error.contains(words), "{name}: {error}");
        let origin = |part: &str| found[0].header(&format!("fleet-origin-{part}")).unwrap_or_default();
        assert_eq!(
            (origin("queue"), origin("exchange"), origin("routing-key")),
            ("order_processing".into(), "orders".into(), "process".into())
        );
    }
    let count = i64::try_from(bad.len()).expect("few");
    stage.reach(count, "confirmed").await;
    assert_eq!(stage.database.number("select count(*) from orders").await, count);
    stage.finish().await;
}

#[tokio::test]
async fn a_message_whose_effects_break_a_rule_of_the_database_does_not_fail_its_batch() {
    let mut stage = Stage::set(Options { delays: [100, 100, 100], ..Options::default() }).await;
    stage.stock("WIDGET-01", 100).await;
    // a fault that no check of ours foresees
    stage.database.execute("alter table orders add constraint superstition check (customer_id <> 'c-13')").await;
    for n in 0..20 {
        let body = if n == 7 { order_with("customer_id", json!("c-13")) } else { good() };
        stage.publish_order(&body).await;
    }
    stage.start(&Role::WORKERS).await;
    stage.reach(19, "confirmed").await;
    let dead = stage.dead_letter().await;
    assert_eq!(dead.header("fleet-reason").as_deref(), Some("attempts_exhausted"));
    assert!(dead.header("fleet-error").expect("an error").contains("superstition"));
    assert_eq!(dead.json()["customer_id"], "c-13");
    stage.finish().await;
}

#[tokio::test]
async fn a_correlation_id_that_no_database_stores_does_not_cost_the_order() {
    let stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 5).await;
    let id = Uuid::new_v4().to_string();
    let properties = identified(&id).with_correlation_id("shop\u{0}7".into());
    stage.client.publish("orders", "process", properties, &order_with("id", json!(id))).await;
    stage.reaches(&id, "confirmed").await;
    stage.finish().await;
}

#[tokio::test]
async fn a_bad_message_that_would_expire_stays_in_the_dead_letters() {
    let stage = Stage::of_the_whole_fleet(Options::default()).await;
    let properties = identified(&Uuid::new_v4().to_string()).with_expiration("500".into());
    stage.client.publish("orders", "process", properties, b"expires").await;
    let dead = eventually("it is dead-lettered", async || (stage.client.depth("dead_letters").await > 0).then_some(()));
    dead.await;
    // the broker removes expired messages from the head of a queue, so the next one to be seen tells
    let later = tokio::time::Instant::now() + std::time::Duration::from_millis(700);
    tokio::time::sleep_until(later).await;
    assert_eq!(stage.dead_letter().await.body, b"expires");
    stage.finish().await;
}

#[tokio::test]
async fn a_bad_message_that_names_its_user_or_wants_copies_is_dead_lettered_once() {
    let stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 5).await;
    let (url, user) = stage.host.url_of_new_user().await;
    let shop = Client::connect(&url).await;
    let named = identified(&Uuid::new_v4().to_string()).with_user_id(user.as_str().into());
    shop.publish("orders", "process", named, b"from a named user").await;
    assert_eq!(stage.dead_letter().await.body, b"from a named user");
    let copies = AMQPValue::FieldArray(vec![AMQPValue::LongString("inventory_requests".into())].into());
    let mut headers = FieldTable::default();
    headers.insert("CC".into(), copies);
    let copied = identified(&Uuid::new_v4().to_string()).with_headers(headers);
    shop.publish("", "order_processing", copied, b"with copies").await;
    let mut dead = [stage.dead_letter().await, stage.dead_letter().await];
    dead.sort_by_key(|dead| dead.header("fleet-origin-queue"));
    let queues: Vec<_> = dead.iter().map(|dead| dead.header("fleet-origin-queue").expect("an origin")).collect();
    assert_eq!(queues, ["inventory_requests", "order_processing"], "one per queue that had a copy");
    shop.close().await;
    stage.host.remove_user(&user).await;
    stage.finish().await;
}

#[tokio::test]
async fn a_bad_message_whose_headers_nearly_fill_a_frame_is_dead_lettered_all_the_same() {
    let stage = Stage::of_the_whole_fleet(Options::default()).await;
    let mut headers = FieldTable::default();
    // one frame carries all properties: 131072 bytes by default, of which these leave less than our reasons need
    headers.insert("x-blob".into(), AMQPValue::LongString("b".repeat(130_800).into()));
    let properties: BasicProperties = identified(&Uuid::new_v4().to_string()).with_headers(headers);
    stage.client.publish("orders", "process", properties, b"heavy").await;
    let dead = stage.dead_letter().await;
    assert_eq!(
        (dead.body.as_slice(), dead.header("fleet-reason").as_deref()),
        (b"heavy".as_slice(), Some("bad_message"))
    );
    stage.finish().await;
}
