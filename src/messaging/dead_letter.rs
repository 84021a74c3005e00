//! The copy of a failed message that goes to a rung of the ladder or to `dead_letters`, with the reason in its headers.

use lapin::types::{AMQPValue, FieldTable};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::frame::within_one_frame;
use super::settle::Settlement;
use super::wire::republishable;
use super::{Failure, Incoming, Wire};
use crate::contract::{Unroutable, headers};
use crate::topology::{WorkQueue, names};

/// Longest error text in a header: headers travel in one frame with everything else (frame_max 131072).
const MAX_ERROR: usize = 4000;

/// The copy that the settlement of a failure asks for.
pub fn copy(incoming: &Incoming, queue: WorkQueue, failure: &Failure, settlement: Settlement) -> Wire {
    let mut headers = incoming.own_headers();
    describe(&mut headers, incoming, queue, failure);
    let (exchange, routing_key) = match settlement {
        Settlement::Retry { rung } => {
            headers.insert(headers::ATTEMPT.into(), AMQPValue::LongUInt(incoming.attempt() + 1));
            (String::new(), queue.retry_queue(rung))
        }
        Settlement::Wait { rung } => (String::new(), queue.retry_queue(rung)),
        Settlement::DeadLetter(reason) => {
            headers.insert(headers::REASON.into(), text(reason.code()));
            (names::DLX.to_owned(), names::FAILED.to_owned())
        }
    };
    let headers = within_one_frame(headers);
    Wire {
        message_id: incoming.message_id,
        exchange,
        routing_key,
        properties: republishable(&incoming.properties, incoming.message_id).with_headers(headers),
        body: incoming.body.clone(),
        unroutable: Unroutable::Keep,
    }
}

fn describe(headers: &mut FieldTable, incoming: &Incoming, queue: WorkQueue, failure: &Failure) {
    let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    let (exchange, routing_key) = incoming.origin();
    headers.insert(headers::ORIGIN_EXCHANGE.into(), text(&exchange));
    headers.insert(headers::ORIGIN_ROUTING_KEY.into(), text(&routing_key));
    headers.insert(headers::ORIGIN_QUEUE.into(), text(queue.name()));
    headers.insert(headers::ERROR.into(), text(&shortened(failure)));
    headers.insert(headers::FAILED_AT.into(), text(&now));
    if !headers.contains_key(headers::FIRST_FAILED_AT) {
        headers.insert(headers::FIRST_FAILED_AT.into(), text(&now));
    }
}

/// The words of a failure, as long as a header and a line of the log can bear.
pub fn shortened(failure: &Failure) -> String {
    failure.to_string().chars().take(MAX_ERROR).collect()
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

#[cfg(test)]
mod tests {
    use lapin::BasicProperties;

    use super::super::settle::DeadLetterReason;
    use super::*;

    fn retried(incoming: &Incoming) -> Wire {
        copy(incoming, WorkQueue::OrderProcessing, &Failure::Transient("away".into()), Settlement::Retry { rung: 0 })
    }

    #[test]
    fn a_retried_message_keeps_its_id_and_remembers_where_it_first_came_from() {
        let first = Incoming::read("orders", "process", BasicProperties::default(), b"{}".to_vec());
        let copy = retried(&first);
        assert_eq!((copy.exchange.as_str(), copy.routing_key.as_str()), ("", "order_retry_0"));
        let second = Incoming::read("", "order_processing", copy.properties, copy.body);
        assert_eq!(second.message_id, first.message_id);
        assert_eq!(second.attempt(), 2);
        let third = Incoming::read("", "order_processing", retried(&second).properties, b"{}".to_vec());
        assert_eq!(third.attempt(), 3);
        assert_eq!(third.origin(), ("orders".to_owned(), "process".to_owned()));
        assert_eq!(third.text(headers::FIRST_FAILED_AT), second.text(headers::FIRST_FAILED_AT));
    }

    #[test]
    fn a_message_that_waits_for_its_turn_keeps_its_attempt() {
        let first = Incoming::read("", "webhook_deliveries", BasicProperties::default(), b"{}".to_vec());
        let failure = Failure::NotNow { rung: 1, why: "the endpoint is down".into() };
        let copy = copy(&first, WorkQueue::WebhookDeliveries, &failure, Settlement::Wait { rung: 1 });
        assert_eq!((copy.exchange.as_str(), copy.routing_key.as_str()), ("", "webhook_deliveries_retry_1"));
        let second = Incoming::read("", "webhook_deliveries", copy.properties, copy.body);
        assert_eq!((second.message_id, second.attempt()), (first.message_id, 1));
    }

    #[test]
    fn a_dead_letter_carries_its_reason() {
        let incoming = Incoming::read("orders", "process", BasicProperties::default(), b"\xff".to_vec());
        let settlement = Settlement::DeadLetter(DeadLetterReason::BadMessage);
        let dead = copy(&incoming, WorkQueue::OrderProcessing, &Failure::BadMessage("not UTF-8".into()), settlement);
        assert_eq!((dead.exchange.as_str(), dead.routing_key.as_str()), ("dlx", "failed"));
        let read = Incoming::read("dlx", "failed", dead.properties, dead.body);
        assert_eq!(read.text(headers::REASON).as_deref(), Some("bad_message"));
        assert_eq!(read.text(headers::ERROR).as_deref(), Some("not UTF-8"));
        assert_eq!(read.text(headers::ORIGIN_QUEUE).as_deref(), Some("order_processing"));
    }
}
