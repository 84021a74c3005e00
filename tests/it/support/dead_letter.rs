//! Dead letters that are simply there.

use order_fleet::store::dead_letters::{Arrived, Cause, upsert};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::TestDatabase;

/// A letter of a foreign consumer, whose body is `{}`; its id and its group's.
pub async fn dead_letter(database: &TestDatabase) -> (Uuid, Uuid) {
    let now = OffsetDateTime::now_utc();
    let group = Uuid::from_u128(7);
    let letter = Arrived {
        message_id: Uuid::now_v7(),
        queue: "crm".to_owned(),
        exchange: "events".to_owned(),
        routing_key: "order.confirmed".to_owned(),
        reason: "rejected".to_owned(),
        error: "the customer ada@shop.example is unknown".to_owned(),
        kind: Some("order.confirmed".to_owned()),
        correlation_id: None,
        order_id: None,
        customer_id: None,
        skus: Vec::new(),
        group: Some(Cause { id: group, class: "the customer is unknown".to_owned() }),
        attempts: Value::Array(Vec::new()),
        headers: Map::new(),
        properties: Map::new(),
        deaths: Value::Array(Vec::new()),
        payload: b"{}".to_vec(),
        content_type: Some("application/json".to_owned()),
        first_failed_at: now,
        last_failed_at: now,
        replays: 0,
    };
    let mut db = database.pool.acquire().await.expect("a connection");
    (upsert(&mut db, &[letter]).await.expect("stored")[0].id, group)
}
