//! A message as it enters the dead-letter store: one that died, as it was found in `dead_letters`, or one that an operator took out of its
//! queue. Nothing here can fail, whatever came.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::fingerprint::Fingerprint;
use super::origin::{Origin, origin};
use crate::contract::headers;
use crate::contract::subject::Subject;
use crate::messaging::settle::DeadLetterReason;
use crate::messaging::{Incoming, record};
use crate::store::dead_letters::{Arrived, Cause};
use crate::topology::WorkQueue;

/// What came to `dead_letters`.
pub fn died(incoming: &Incoming, now: OffsetDateTime) -> Arrived {
    let headers = record(&incoming.properties).headers;
    arrived(incoming, origin(&headers, (&incoming.exchange, &incoming.routing_key)), now)
}

/// What waited for `consumer` until an operator took it out of its queue.
pub fn drained(incoming: &Incoming, consumer: WorkQueue, error: &str, now: OffsetDateTime) -> Arrived {
    let headers = record(&incoming.properties).headers;
    let (exchange, routing_key) = incoming.origin();
    let origin = Origin {
        queue: consumer.name().to_owned(),
        exchange,
        routing_key,
        reason: DeadLetterReason::Drained.code().to_owned(),
        error: error.to_owned(),
        last_failed_at: Some(now),
        // it may have failed before, and waited for its next attempt
        ..origin(&headers, (&incoming.exchange, &incoming.routing_key))
    };
    arrived(incoming, origin, now)
}

fn arrived(incoming: &Incoming, origin: Origin, now: OffsetDateTime) -> Arrived {
    let recorded = record(&incoming.properties);
    let mut all = recorded.headers;
    let replays = i32::try_from(incoming.replays()).unwrap_or(i32::MAX);
    let deaths = all.remove("x-death").unwrap_or_else(|| json!([]));
    // A header can claim any time; one in the future would stay on top of every list.
    let last_failed_at = origin.last_failed_at.map_or(now, |at| at.min(now));
    let text = |name: &str| recorded.properties.get(name).and_then(Value::as_str).map(str::to_owned);
    let subject = Subject::of(&incoming.body);
    let kind = text("type");
    let Fingerprint { id, class } =
        Fingerprint::of(&origin.queue, &origin.reason, kind.as_deref(), &origin.error, &subject);
    Arrived {
        message_id: incoming.message_id,
        queue: origin.queue,
        exchange: origin.exchange,
        routing_key: origin.routing_key,
        group: (origin.reason != DeadLetterReason::Parked.code()).then_some(Cause { id, class }),
        reason: origin.reason,
        attempts: attempts(&all, &origin.error, last_failed_at),
        error: origin.error,
        kind,
        correlation_id: text("correlation_id"),
        order_id: subject.order_id,
        customer_id: subject.customer_id,
        skus: subject.skus,
        content_type: text("content_type"),
        headers: all,
        deaths,
        payload: incoming.body.clone(),
        first_failed_at: origin.first_failed_at.map_or(last_failed_at, |at| at.min(last_failed_at)),
        last_failed_at,
        replays,
        properties: recorded.properties,
    }
}

/// What every attempt said; what died without our doing has no list, only its error.
fn attempts(headers: &Map<String, Value>, error: &str, at: OffsetDateTime) -> Value {
    let said = headers.get(headers::ATTEMPTS).and_then(Value::as_str);
    let said = said.and_then(|text| serde_json::from_str::<Value>(text).ok()).filter(Value::is_array);
    said.unwrap_or_else(|| json!([{"attempt": null, "at": at.format(&Rfc3339).unwrap_or_default(), "error": error}]))
}
