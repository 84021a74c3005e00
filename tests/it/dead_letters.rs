//! The life of a dead letter: found by the handler however it died, shown, replayed, discarded.

mod alerting;
mod arriving;
mod broker_away;
mod console;
mod draining;
mod many;
mod once;
mod operating;
mod operators;
mod over_http;
mod ramp;
mod rehearsing;
mod repairing;
mod replaying;
mod sequence;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use order_fleet::dead_letters::publish::{Outcome, Replayer};
use order_fleet::services::dead_letter_handler::DeadLetterHandler;
use order_fleet::store::dead_letters::{self, DeadLetter, Filter, Summary};
use serde_json::Value;
use uuid::Uuid;

use crate::support::{TestBroker, TestDatabase, Workers, eventually};

/// A broker, a database and a running dead-letter-handler.
struct Scene {
    // in the order in which they must go: the workers first
    workers: Workers,
    broker: TestBroker,
    database: TestDatabase,
}

impl Scene {
    async fn open() -> Self {
        let (broker, database) = (TestBroker::create().await, TestDatabase::create().await);
        let mut workers = Workers::new(&database, &broker);
        workers.start(DeadLetterHandler);
        Self { workers, broker, database }
    }

    async fn list(&self) -> Vec<Summary> {
        let mut db = self.database.pool.acquire().await.expect("a connection");
        dead_letters::list(&mut db, &Filter::default(), None, 1000).await.expect("the list")
    }

    /// Waits until so many rows are there.
    async fn stored(&self, count: usize) -> Vec<Summary> {
        let step = format!("{count} dead letters stored");
        eventually(&step, async || Some(self.list().await).filter(|all| all.len() == count)).await
    }

    /// Waits until the one row there has failed so often.
    async fn failed(&self, failures: i32) -> Summary {
        let step = format!("a dead letter with {failures} failures");
        eventually(&step, async || self.list().await.into_iter().find(|letter| letter.failures == failures)).await
    }

    async fn letter(&self, id: Uuid) -> DeadLetter {
        let mut db = self.database.pool.acquire().await.expect("a connection");
        dead_letters::get(&mut db, id).await.expect("the row").expect("is there")
    }

    fn replayer(&self) -> Replayer {
        Replayer::new(self.database.pool.clone(), self.broker.broker("replayer"))
    }

    async fn replay(&self, id: Uuid) -> Outcome {
        let reports = self.replayer().replay(&[id], Uuid::now_v7(), false).await.expect("the database answers");
        reports.into_iter().next().expect("a report").outcome
    }
}

/// Properties with an id and headers.
fn message(id: &str, headers: &[(&str, &str)]) -> BasicProperties {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), AMQPValue::LongString((*value).into()));
    }
    BasicProperties::default().with_message_id(id.into()).with_headers(table)
}

/// A dead letter as a consumer of ours publishes it.
fn given_up(id: &str, queue: &str, exchange: &str, routing_key: &str) -> BasicProperties {
    message(
        id,
        &[
            ("fleet-reason", "refused"),
            ("fleet-error", "the shop of ada@shop.example is closed"),
            ("fleet-origin-queue", queue),
            ("fleet-origin-exchange", exchange),
            ("fleet-origin-routing-key", routing_key),
            ("fleet-failed-at", "2026-01-02T00:00:00Z"),
            ("fleet-first-failed-at", "2026-01-01T00:00:00Z"),
        ],
    )
}

fn order(id: Uuid) -> Vec<u8> {
    let order: Value = serde_json::json!({"id": id, "customer_id": "c", "email": "ada@shop.example", "items": []});
    order.to_string().into_bytes()
}
