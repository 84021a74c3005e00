//! Names of the AMQP headers that are ours. The broker's own (`x-death`, `x-delivery-count`) count differently in each version
//! and are never used for decisions.

/// How often the message has been tried, counted by us: 1 on the first delivery, absent means 1.
pub const ATTEMPT: &str = "fleet-attempt";
/// How often an operator has replayed the message; absent means 0.
pub const REPLAYS: &str = "fleet-replays";
/// Id of the message that caused this one.
pub const CAUSATION_ID: &str = "fleet-causation-id";
/// Why a message is in `dead_letters`: one of the codes of `messaging::settle::DeadLetterReason`.
pub const REASON: &str = "fleet-reason";
/// The whole error chain of the last failure, in words.
pub const ERROR: &str = "fleet-error";
/// What each failed attempt said: a JSON array of `{"attempt", "at", "error"}`, the oldest first.
pub const ATTEMPTS: &str = "fleet-attempts";
/// The message has one attempt only: an operator replays it and watches whether it fails again.
pub const SINGLE_ATTEMPT: &str = "fleet-single-attempt";
/// Queue whose consumer gave up on the message.
pub const ORIGIN_QUEUE: &str = "fleet-origin-queue";
/// Exchange and routing key under which the message first came.
pub const ORIGIN_EXCHANGE: &str = "fleet-origin-exchange";
pub const ORIGIN_ROUTING_KEY: &str = "fleet-origin-routing-key";
/// When the first and the last attempt failed, RFC 3339.
pub const FIRST_FAILED_AT: &str = "fleet-first-failed-at";
pub const FAILED_AT: &str = "fleet-failed-at";
/// Names of the sender's headers that had to be left out, because a copy with our reasons would not have fitted into one frame.
pub const LEFT_OUT: &str = "fleet-left-out";

/// Headers that describe failures: stripped when a message starts afresh (replay).
pub const OF_FAILURE: [&str; 10] = [
    ATTEMPT,
    ATTEMPTS,
    SINGLE_ATTEMPT,
    REASON,
    ERROR,
    ORIGIN_QUEUE,
    ORIGIN_EXCHANGE,
    ORIGIN_ROUTING_KEY,
    FIRST_FAILED_AT,
    FAILED_AT,
];

/// Whether the broker itself writes this header or routes by it (`CC` and `BCC` add queues); a re-published copy must not carry it.
pub fn is_the_brokers(name: &str) -> bool {
    matches!(name, "CC" | "BCC" | "x-death")
        || name == "x-delivery-count"
        || name.starts_with("x-first-death-")
        || name.starts_with("x-last-death-")
}
