//! The consumer of `dead_letters`: stores every message of any shape, and raises the alert.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::contract::headers;
use crate::dead_letters::arrival::died;
use crate::dead_letters::origin::{deaths, origin};
use crate::domain::stable_uuid;
use crate::messaging::settle::DeadLetterReason;
use crate::messaging::{Delivery, Failure, Handler, Incoming, Outcome, Source, record};
use crate::store::dead_letters::{Arrived, Stored, upsert};
use crate::telemetry::metrics;
use crate::topology::WorkQueue;

/// Why the broker itself dead-letters (RabbitMQ documentation, dead letter exchanges).
const BROKERS_REASONS: [&str; 4] = ["rejected", "delivery_limit", "expired", "maxlen"];

pub struct DeadLetterHandler;

impl Handler for DeadLetterHandler {
    type Message = Arrived;
    type Context = ();
    type Fetched = ();

    const ROLE: &'static str = "dead-letter-handler";
    const SOURCE: Source = Source::DeadLetters;

    /// One death of one message. The message id alone would swallow a message that was replayed or sent again and died again, one
    /// that died in two queues, and another one that wears the same id; so the id is made of all that tells these apart: the message
    /// id, the queue, the number of replays, the body, and when its consumer gave up on it, or, where no consumer did, how often and
    /// when the broker did (not both: the broker's counts also grow on the ladder). What stays the same is a redelivery of the same
    /// copy, and a copy that was published twice.
    fn identity(&self, incoming: &Incoming) -> Uuid {
        let headers = record(&incoming.properties).headers;
        let queue = origin(&headers, (&incoming.exchange, &incoming.routing_key)).queue;
        let given_up = match headers.contains_key(headers::REASON) {
            true => incoming.text(headers::FAILED_AT).unwrap_or_default(),
            false => deaths(&headers)
                .iter()
                .flat_map(|death| [death.get("count"), death.get("time")])
                .flatten()
                .map(Value::to_string)
                .collect::<Vec<_>>()
                .join(" "),
        };
        let replays = incoming.replays();
        let death = format!("{}\n{queue}\n{replays}\n{given_up}\n", incoming.message_id);
        stable_uuid(&[death.as_bytes(), &incoming.body].concat())
    }

    fn decode(&self, incoming: &Incoming) -> Result<Arrived, Failure> {
        Ok(died(incoming, OffsetDateTime::now_utc()))
    }

    async fn call_outside(&self, _: &Incoming, _: &Arrived, (): ()) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, db: &mut PgConnection, batch: &[&Delivery<Self>]) -> Result<Vec<Outcome>, sqlx::Error> {
        let letters: Vec<Arrived> = batch.iter().map(|delivery| delivery.message.clone()).collect();
        let stored = upsert(db, &letters).await?;
        for (letter, stored) in letters.iter().zip(&stored) {
            alert(letter, *stored);
        }
        Ok(batch.iter().map(|_| Outcome::Done(Vec::new())).collect())
    }
}

/// No personal data: neither the payload nor the error, which may quote it.
fn alert(letter: &Arrived, stored: Stored) {
    metrics().dead_letters.with_label_values(&labels(letter)).inc();
    if letter.group.is_none() {
        let (queue, order_id) = (&letter.queue, letter.order_id.map(tracing::field::display));
        tracing::info!(role = DeadLetterHandler::ROLE, dead_letter = %stored.id, queue, order_id, "parked until its order may go on");
        return;
    }
    tracing::error!(
        role = DeadLetterHandler::ROLE, dead_letter = %stored.id, queue = letter.queue, reason = letter.reason,
        message_id = %letter.message_id, order_id = letter.order_id.map(tracing::field::display),
        correlation_id = letter.correlation_id, failures = stored.failures, replays = letter.replays,
        "dead letter"
    );
}

/// Queue and reason for the metric. Foreign names count together: a label must not grow with what strangers write.
fn labels(letter: &Arrived) -> [&str; 2] {
    let queue = WorkQueue::by_name(&letter.queue).map_or("other", WorkQueue::name);
    let ours = DeadLetterReason::ALL.map(DeadLetterReason::code);
    let reason = ours.into_iter().chain(BROKERS_REASONS).find(|known| *known == letter.reason).unwrap_or("other");
    [queue, reason]
}

#[cfg(test)]
mod tests;
