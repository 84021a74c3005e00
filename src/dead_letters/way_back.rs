//! Where a dead letter goes when it is replayed, and what it looks like then.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::contract::headers;
use crate::messaging::{Incoming, Recorded, Wire};
use crate::store::dead_letters::{DeadLetter, Summary};
use crate::topology::{WorkQueue, names};

/// Exchange and routing key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ReplayWay)]
pub struct Way {
    pub exchange: String,
    pub routing_key: String,
}

/// The way back to the consumer that failed, and to no other: through the original exchange where it is `orders`, which is direct;
/// straight to the queue where the original was a fanout or a topic. A queue that is not ours gets it as it first came. `None` when
/// nobody can tell where it came from.
pub fn way_back(letter: &Summary) -> Option<Way> {
    let way = |exchange: &str, routing_key: &str| {
        Some(Way { exchange: exchange.to_owned(), routing_key: routing_key.to_owned() })
    };
    match WorkQueue::by_name(&letter.queue) {
        Some(_) if letter.exchange == names::ORDERS => way(&letter.exchange, &letter.routing_key),
        Some(queue) => way("", queue.name()),
        None if !letter.exchange.is_empty() || !letter.routing_key.is_empty() => {
            way(&letter.exchange, &letter.routing_key)
        }
        None if !letter.queue.is_empty() => way("", &letter.queue),
        None => None,
    }
}

/// The message as it first came, with its id, body and correlation id; nothing in it tells of the failure any more, only that it is
/// a replay.
///
/// Sent straight to a queue it keeps where it came from (`fleet-origin-*`), as on the retry ladder: the analytics-service reads the
/// routing key of an event there, and a second death knows its origin. With `single_attempt` its first failure is its last.
pub fn again(letter: DeadLetter, way: Way, single_attempt: bool) -> Wire {
    let DeadLetter { summary, headers: mut kept, properties, payload, .. } = letter;
    kept.retain(|name, _| !headers::OF_FAILURE.contains(&name.as_str()) && !headers::is_the_brokers(name));
    kept.insert(headers::REPLAYS.to_owned(), summary.replays.into());
    if single_attempt {
        kept.insert(headers::SINGLE_ATTEMPT.to_owned(), true.into());
    }
    if way.exchange.is_empty() && !summary.exchange.is_empty() {
        kept.insert(headers::ORIGIN_EXCHANGE.to_owned(), summary.exchange.into());
        kept.insert(headers::ORIGIN_ROUTING_KEY.to_owned(), summary.routing_key.into());
    }
    let recorded = Recorded { properties, headers: kept };
    Wire::again(summary.message_id, way.exchange, way.routing_key, &recorded, payload)
}

/// What the inbox of its consumer knows the message by.
pub fn inbox_id(wire: &Wire) -> Uuid {
    Incoming::read(&wire.exchange, &wire.routing_key, wire.properties.clone(), wire.body.clone()).message_id
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::OffsetDateTime;

    use super::*;
    use crate::store::dead_letters::State;

    fn summary(queue: &str, exchange: &str, routing_key: &str) -> Summary {
        Summary {
            id: Uuid::nil(),
            message_id: Uuid::nil(),
            queue: queue.to_owned(),
            exchange: exchange.to_owned(),
            routing_key: routing_key.to_owned(),
            reason: "refused".to_owned(),
            error: String::new(),
            kind: None,
            correlation_id: None,
            order_id: None,
            group_id: None,
            customer_id: None,
            skus: Vec::new(),
            first_failed_at: OffsetDateTime::UNIX_EPOCH,
            last_failed_at: OffsetDateTime::UNIX_EPOCH,
            failures: 1,
            replays: 1,
            state: State::Replaying,
            state_reason: None,
            state_changed_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn only_the_consumer_that_failed_sees_it_again() {
        for (queue, exchange, routing_key, back) in [
            ("order_processing", "orders", "process", Some(("orders", "process"))),
            ("order_processing", "", "order_processing", Some(("", "order_processing"))),
            ("email_notifications", "notifications", "", Some(("", "email_notifications"))),
            ("analytics", "events", "order.failed", Some(("", "analytics"))),
            ("theirs", "shop", "a", Some(("shop", "a"))),
            ("theirs", "", "", Some(("", "theirs"))),
            ("", "", "", None),
        ] {
            let way = way_back(&summary(queue, exchange, routing_key));
            let way = way.as_ref().map(|way| (way.exchange.as_str(), way.routing_key.as_str()));
            assert_eq!(way, back, "{queue}");
        }
    }

    #[test]
    fn a_replayed_message_starts_afresh_and_remembers_where_it_came_from() {
        let Value::Object(headers) = json!({
            "fleet-reason": "refused", "fleet-attempt": 4, "fleet-replays": 0, "x-first-death-queue": "analytics",
            "CC": ["elsewhere"], "traceparent": "00-1",
        }) else {
            panic!("an object")
        };
        let Value::Object(properties) = json!({"message_id": "event-1", "correlation_id": "c"}) else {
            panic!("an object")
        };
        let summary = summary("analytics", "events", "order.failed");
        let way = way_back(&summary).expect("a way");
        let letter = DeadLetter { summary, headers, properties, deaths: json!([]), payload: b"{}".to_vec() };
        let wire = again(letter, way, false);
        let read = Incoming::read(&wire.exchange, &wire.routing_key, wire.properties, wire.body);
        assert_eq!((read.attempt(), read.replays()), (1, 1));
        assert_eq!(read.origin(), ("events".to_owned(), "order.failed".to_owned()));
        assert_eq!(read.correlation_id(), Some("c"));
        let mut names: Vec<String> = crate::messaging::record(&read.properties).headers.keys().cloned().collect();
        names.sort();
        assert_eq!(names, ["fleet-origin-exchange", "fleet-origin-routing-key", "fleet-replays", "traceparent"]);
    }
}
