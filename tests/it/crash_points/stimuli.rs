//! What a walk gives the fleet to do, so that every role passes every boundary: orders by HTTP that are accepted however often the
//! API dies, and messages of strangers.

use std::time::Duration;

use lapin::options::BasicGetOptions;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::lane::Lane;
use super::pairs::WORKERS;
use crate::support::amqp::{Client, identified};
use crate::support::{eventually, order_of, paid_with};

/// Longest time in which an order must be accepted, deaths of the API included.
const ACCEPTING: Duration = Duration::from_secs(120);
/// As if a client had read the contract of the fanout: the customer is told by SMS and by push.
const SHIPPED: &str = "order_shipped";

impl Lane {
    pub async fn fill_the_shop(&self) {
        self.database
            .execute(
                "with product as (insert into products (sku, name, price) values ('WIDGET-01', 'Widget', 19.99)),
                      shelf as (insert into stock (sku, on_hand) values ('WIDGET-01', 100000))
                 insert into stock_movements (sku, kind, quantity) values ('WIDGET-01', 'initial', 100000)",
            )
            .await;
    }

    /// Somebody outside is told of every event. The secret is kept in clear: its first byte says so.
    pub async fn register_the_partner(&self) {
        sqlx::query(
            "insert into webhook_endpoints (id, url, event_types, secret) values (gen_random_uuid(), $1, '{*}', '\\x0001020304')",
        )
        .bind(self.partner.url("all"))
        .execute(&self.database.pool)
        .await
        .expect("an endpoint");
    }

    /// One message that nobody can read for every worker, and one notification for the channels that orders do not use yet.
    pub async fn publish_strange_messages(&mut self) {
        for (_, queue) in WORKERS {
            let id = Uuid::new_v4().to_string();
            self.client.publish("", queue, identified(&id), b"unreadable").await;
            self.expected.unresolved += 1;
        }
        let mut notification = order_of("WIDGET-01", 1);
        notification["type"] = json!(SHIPPED);
        notification["order_id"] = json!(Uuid::new_v4());
        notification["total"] = json!(19.99);
        notification["status"] = json!("shipped");
        notification["items"] = json!([]);
        let id = Uuid::new_v4().to_string();
        self.client.publish_json("notifications", "", identified(&id), &notification).await;
        self.expected.texts += 1;
        self.expected.pushes += 1;
    }

    /// Two orders that go well, one of them at the second attempt, and one that is declined; the task ends when all are accepted.
    pub fn submit_orders(&mut self) -> JoinHandle<()> {
        self.expected.one_confirmed(2);
        self.expected.one_confirmed(1);
        self.expected.one_declined();
        let orders = [order_of("WIDGET-01", 2), paid_with("tok_error_once"), paid_with("tok_declined")];
        let api = self.api.clone();
        tokio::spawn(async move {
            for order in orders {
                let key = Uuid::new_v4().to_string();
                let deadline = Instant::now() + ACCEPTING;
                loop {
                    let address = *api.lock().expect("not poisoned");
                    if accepted(&format!("http://{address}/api/v1/orders"), &key, &order).await {
                        break;
                    }
                    assert!(Instant::now() < deadline, "not accepted within {ACCEPTING:?}: {order}");
                    sleep(Duration::from_millis(30)).await;
                }
            }
        })
    }

    /// An order whose answer was lost long ago: only the scheduler finds it.
    pub async fn forget_an_order(&mut self) {
        self.database
            .execute(
                "with forgotten as (
                     insert into orders (id, customer_id, email, items, total, status, correlation_id, created_at)
                     values (gen_random_uuid(), 'c-1', 'ada@shop.example', '[{\"sku\": \"WIDGET-01\", \"quantity\": 1, \"price\": 19.99}]',
                             19.99, 'processing', gen_random_uuid()::text, now()) returning id)
                 insert into sagas (order_id, step, since, deadline)
                 select id, 'reserving_stock', now() - interval '1 hour', now() - interval '1 minute' from forgotten",
            )
            .await;
        self.expected.one_failed();
    }

    /// Takes everything in a queue and gives it back, as a death would.
    pub async fn hand_back(&self, queue: &str) {
        let ready = self.client.depth(queue).await;
        let taker = Client::connect(&self.host.url).await;
        for _ in 0..ready {
            let take = taker.channel.basic_get(queue.into(), BasicGetOptions { no_ack: false });
            take.await.expect("asked").expect("a message");
        }
        taker.close().await;
        let step = format!("{queue} has its messages back");
        eventually(&step, async || (self.client.depth(queue).await == ready).then_some(())).await;
    }
}

/// Whether the API took the order, now or when it was asked before.
async fn accepted(url: &str, key: &str, order: &Value) -> bool {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().expect("a client");
    let answer = client.post(url).header("Idempotency-Key", key).json(order).send().await;
    match answer {
        Ok(answer) if answer.status().is_client_error() && answer.status() != 409 => {
            panic!("{}: {}", answer.status(), answer.text().await.unwrap_or_default())
        }
        Ok(answer) => answer.status().is_success(),
        Err(_) => false,
    }
}
