//! What tests do with orders: fill the shop, submit, wait for the end.

use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use super::Stage;
use crate::support::amqp::{Found, identified};
use crate::support::{answer, eventually};

/// Id of an order that another client brings along.
pub const STRANGER: &str = "5f0c1c52-6a54-4b5e-9d0a-0c3c4c8e7a11";

/// An order as a shop's page sends it.
pub fn order_of(sku: &str, quantity: u32) -> Value {
    json!({
        "customer_id": "c-1", "email": "ada@shop.example", "phone": "+4930123456",
        "items": [{"sku": sku, "quantity": quantity}]
    })
}

/// One widget, paid with a test token of the simulated gateway.
pub fn paid_with(token: &str) -> Value {
    let mut order = order_of("WIDGET-01", 1);
    order["payment_token"] = json!(token);
    order
}

impl Stage {
    /// A product at 19.99 with so many units.
    pub async fn stock(&self, sku: &str, units: i64) {
        self.api.create_product(sku, 19.99, units).await;
    }

    /// Submits by HTTP as a good client does: told that the service is busy, it asks again under the same key. The order's id.
    pub async fn submit(&self, order: &Value) -> String {
        let key = Uuid::new_v4().to_string();
        let body = eventually("the order is accepted", async || {
            let (status, body) = answer(self.api.post("/api/v1/orders", order).header("Idempotency-Key", &key)).await;
            assert!(status == 202 || status == 503, "{status}: {body}");
            (status == 202).then_some(body)
        })
        .await;
        body["id"].as_str().expect("an id").to_owned()
    }

    /// Waits until the order has this status, and fails at once when it ends with another one.
    pub async fn reaches(&self, id: &str, wanted: &str) -> Value {
        eventually(&format!("order {id} is {wanted}"), async || {
            let (_, order) = answer(self.api.get(&format!("/api/v1/orders/{id}"))).await;
            let status = order["status"].as_str().unwrap_or("unknown");
            let ended = ["confirmed", "failed", "cancelled"].contains(&status);
            assert!(status == wanted || !ended, "wanted {wanted}: {order}");
            (status == wanted).then_some(order)
        })
        .await
    }

    /// Waits until so many orders have this status.
    pub async fn reach(&self, count: i64, wanted: &str) {
        eventually(&format!("{count} orders are {wanted}"), async || {
            let found: i64 = sqlx::query_scalar("select count(*) from orders where status = $1")
                .bind(wanted)
                .fetch_one(&self.database.pool)
                .await
                .expect("counted");
            assert!(found <= count, "{found} orders are {wanted}");
            (found == count).then_some(())
        })
        .await;
    }

    /// Publishes to `orders`/`process` as another client would, under a message id of its own.
    pub async fn publish_order(&self, body: &[u8]) -> String {
        let id = Uuid::new_v4().to_string();
        self.client.publish("orders", "process", identified(&id), body).await;
        id
    }

    /// Units on the shelf, and how many of them are promised.
    pub async fn shelf(&self, sku: &str) -> (i64, i64) {
        let row = sqlx::query("select on_hand, reserved from stock where sku = $1")
            .bind(sku)
            .fetch_one(&self.database.pool)
            .await
            .expect("a shelf");
        (row.get("on_hand"), row.get("reserved"))
    }

    /// The ledger of one order: kind and quantity, oldest first.
    pub async fn ledger(&self, order: &str) -> Vec<(String, i64)> {
        sqlx::query_as("select kind, quantity from stock_movements where order_id = $1 order by id")
            .bind(Uuid::parse_str(order).expect("an id"))
            .fetch_all(&self.database.pool)
            .await
            .expect("a ledger")
    }

    /// The status of an order's payment.
    pub async fn payment(&self, order: &str) -> Option<String> {
        sqlx::query_scalar("select status from payments where order_id = $1")
            .bind(Uuid::parse_str(order).expect("an id"))
            .fetch_optional(&self.database.pool)
            .await
            .expect("a payment")
    }

    /// Everything in a queue that no role of this test consumes, parsed, with its routing key.
    pub async fn events(&self) -> Vec<(String, Value)> {
        self.client.drain("analytics").await.iter().map(|event| (event.routing_key.clone(), event.json())).collect()
    }

    /// The next dead letter.
    pub async fn dead_letter(&self) -> Found {
        self.client.next("dead_letters").await
    }
}
