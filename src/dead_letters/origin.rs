//! Why and where a dead letter failed: from our own headers if its consumer gave up on it, else from what the broker wrote.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::contract::{headers, read_moment};
use crate::topology::names;

/// Where a message failed, why, and where it first came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whose consumer failed; empty when nobody can tell.
    pub queue: String,
    /// Where it was first published; both empty when nobody can tell.
    pub exchange: String,
    pub routing_key: String,
    pub reason: String,
    pub error: String,
    pub first_failed_at: Option<OffsetDateTime>,
    pub last_failed_at: Option<OffsetDateTime>,
}

/// Reason of a message that came without any.
const UNKNOWN: &str = "unknown";

/// `delivered` is the exchange and the routing key of the delivery from `dead_letters`: an origin only for what was published to
/// that queue by other ways than `dlx`.
pub fn origin(headers: &Map<String, Value>, delivered: (&str, &str)) -> Origin {
    let text = |name: &str| headers.get(name).and_then(Value::as_str).map(str::to_owned);
    let time = |name: &str| headers.get(name)?.as_str().and_then(|text| read_moment(text).ok());
    let death = last_death(headers);
    let of_death = |name: &str| death?.get(name)?.as_str().map(str::to_owned);
    let queue = text(headers::ORIGIN_QUEUE)
        .or_else(|| text("x-last-death-queue"))
        .or_else(|| of_death("queue"))
        .or_else(|| text("x-first-death-queue"))
        .unwrap_or_default();
    let (exchange, routing_key) = match (text(headers::ORIGIN_EXCHANGE), text(headers::ORIGIN_ROUTING_KEY), death) {
        (Some(exchange), Some(routing_key), _) => (exchange, routing_key),
        (_, _, Some(death)) => (of_death("exchange").unwrap_or_default(), routing_key_of(death)),
        (_, _, None) => not_dead_letters(delivered),
    };
    let brokers = text("x-last-death-reason").or_else(|| of_death("reason")).or_else(|| text("x-first-death-reason"));
    let ours = text(headers::REASON);
    let said = text(headers::ERROR);
    let error = match (&ours, &brokers, said) {
        (Some(_), _, Some(error)) => error,
        (Some(reason), _, None) => format!("no error was given, only the reason {reason}"),
        // The consumer never answered for its last attempt, but an attempt before may have said why.
        (None, Some(reason), Some(error)) => format!("{}; the attempt before: {error}", explain(reason, &queue)),
        (None, Some(reason), None) => explain(reason, &queue),
        (None, None, Some(error)) => error,
        (None, None, None) => "it came to dead_letters without a reason".to_owned(),
    };
    Origin {
        queue,
        exchange,
        routing_key,
        reason: ours.or(brokers).unwrap_or_else(|| UNKNOWN.to_owned()),
        error,
        first_failed_at: time(headers::FIRST_FAILED_AT).or_else(|| times(headers).min()),
        last_failed_at: time(headers::FAILED_AT)
            .filter(|_| headers.contains_key(headers::REASON))
            .or(times(headers).max()),
    }
}

/// The broker's reasons in words (rabbitmq.com/docs/dlx).
fn explain(reason: &str, queue: &str) -> String {
    match reason {
        "rejected" => format!("a consumer of {queue} rejected it without saying why"),
        "delivery_limit" => {
            format!("the consumers of {queue} failed so often without an answer that the broker gave it up")
        }
        "expired" => format!("it expired in {queue} before anyone took it"),
        "maxlen" => format!("{queue} was full"),
        other => format!("the broker took it out of {queue}: {other}"),
    }
}

pub fn deaths(headers: &Map<String, Value>) -> &[Value] {
    headers.get("x-death").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The entry of the death that led here: the broker puts the latest first.
fn last_death(headers: &Map<String, Value>) -> Option<&Value> {
    let all = deaths(headers);
    let named = headers.get("x-last-death-queue").and_then(|queue| {
        let reason = headers.get("x-last-death-reason");
        all.iter().find(|death| death.get("queue") == Some(queue) && death.get("reason") == reason)
    });
    named.or_else(|| all.first())
}

fn routing_key_of(death: &Value) -> String {
    let first = death.get("routing-keys").and_then(|keys| keys.get(0)).and_then(Value::as_str);
    first.unwrap_or_default().to_owned()
}

fn times(headers: &Map<String, Value>) -> impl Iterator<Item = OffsetDateTime> {
    deaths(headers).iter().filter_map(|death| {
        let seconds = death.get("time")?.get("$timestamp")?.as_i64()?;
        OffsetDateTime::from_unix_timestamp(seconds).ok()
    })
}

fn not_dead_letters((exchange, routing_key): (&str, &str)) -> (String, String) {
    match exchange == names::DLX || (exchange.is_empty() && routing_key == names::DEAD_LETTERS) {
        true => (String::new(), String::new()),
        false => (exchange.to_owned(), routing_key.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DELIVERED: (&str, &str) = ("dlx", "failed");

    fn of(headers: Value) -> Origin {
        let Value::Object(headers) = headers else { panic!("an object") };
        origin(&headers, DELIVERED)
    }

    fn way(origin: &Origin) -> (&str, &str, &str, &str) {
        (&origin.queue, &origin.exchange, &origin.routing_key, &origin.reason)
    }

    #[test]
    fn what_its_consumer_said_counts_before_what_the_broker_saw() {
        let origin = of(json!({
            "fleet-reason": "attempts_exhausted", "fleet-error": "timeout", "fleet-origin-queue": "analytics",
            "fleet-origin-exchange": "events", "fleet-origin-routing-key": "order.failed",
            "fleet-failed-at": "2026-01-02T00:00:00Z", "fleet-first-failed-at": "2026-01-01T00:00:00Z",
            "x-death": [{"queue": "analytics_retry_2", "reason": "expired", "exchange": "", "routing-keys": ["analytics_retry_2"]}],
        }));
        assert_eq!(way(&origin), ("analytics", "events", "order.failed", "attempts_exhausted"));
        assert_eq!(origin.error, "timeout");
        assert!(origin.first_failed_at < origin.last_failed_at);
        // somebody else's header, and a time that no table holds
        assert_eq!(of(json!({"fleet-failed-at": "9999-12-31T23:59:59-01:00"})).last_failed_at, None);
    }

    #[test]
    fn a_crash_loop_on_the_second_attempt_keeps_its_origin_and_its_first_error() {
        let origin = of(json!({
            "fleet-error": "timeout", "fleet-origin-queue": "order_processing", "fleet-attempt": 2,
            "fleet-origin-exchange": "orders", "fleet-origin-routing-key": "process",
            "x-death": [
                {"queue": "order_processing", "reason": "delivery_limit", "exchange": "orders", "routing-keys": ["process"],
                 "time": {"$timestamp": 1_700_000_100}},
                {"queue": "order_retry_0", "reason": "expired", "exchange": "", "routing-keys": ["order_retry_0"],
                 "time": {"$timestamp": 1_700_000_000}},
            ],
        }));
        assert_eq!(way(&origin), ("order_processing", "orders", "process", "delivery_limit"));
        assert!(origin.error.ends_with("the attempt before: timeout"), "{}", origin.error);
        assert_eq!(origin.last_failed_at.map(OffsetDateTime::unix_timestamp), Some(1_700_000_100));
    }

    #[test]
    fn a_foreign_rejection_is_told_by_the_broker_alone() {
        let origin = of(json!({
            "x-first-death-queue": "theirs", "x-first-death-reason": "rejected", "x-first-death-exchange": "shop",
            "x-death": [{"queue": "theirs", "reason": "rejected", "exchange": "shop", "routing-keys": ["a", "b"], "count": 1}],
        }));
        assert_eq!(way(&origin), ("theirs", "shop", "a", "rejected"));
    }

    #[test]
    fn a_message_without_any_history_says_so() {
        let origin = of(json!({"x-death": "not a list"}));
        assert_eq!(way(&origin), ("", "", "", "unknown"));
        assert_eq!(super::origin(&Map::new(), ("shop", "a")).exchange, "shop");
    }
}
