//! Answers to requests: to the requester's `reply_to`, with its `correlation_id`, for any AMQP client.

use serde::Serialize;
use uuid::Uuid;

use super::{Failure, Incoming};
use crate::contract::{Outgoing, Unroutable, headers};
use crate::domain::caused_by;
use crate::topology::WorkQueue;

/// The answer as a message, or `None` when the requester did not ask for one. Its id is derived from the request's, so a repeated
/// request repeats its answer. An answer to one of our own queues is kept until it is routable; one to a requester that is gone is
/// dropped.
///
/// # Errors
/// [`Failure::Transient`] when the answer cannot be written as JSON.
pub fn reply<T: Serialize>(request: &Incoming, kind: &str, answer: &T) -> Result<Option<Outgoing>, Failure> {
    let Some(reply_to) = request.reply_to() else { return Ok(None) };
    later_reply(request.message_id, reply_to, request.correlation_id(), kind, answer)
        .map(Some)
        .map_err(|error| Failure::Transient(error.to_string()))
}

/// The same answer to a request that was put aside: the same id, whoever gives it in the end.
///
/// # Errors
/// When the answer cannot be written as JSON.
pub fn later_reply<T: Serialize>(
    request_id: Uuid,
    reply_to: &str,
    correlation_id: Option<&str>,
    kind: &str,
    answer: &T,
) -> Result<Outgoing, serde_json::Error> {
    let id = caused_by(request_id, "reply");
    let mut outgoing = Outgoing::json(id, "", reply_to, kind, answer)?;
    if WorkQueue::by_name(reply_to).is_none() {
        outgoing.unroutable = Unroutable::Drop;
    }
    Ok(outgoing.correlated(correlation_id).header(headers::CAUSATION_ID, request_id.to_string()))
}

#[cfg(test)]
mod tests {
    use lapin::BasicProperties;

    use super::*;

    fn request(properties: BasicProperties) -> Incoming {
        Incoming::read("", "payment_requests", properties.with_message_id("m".into()), Vec::new())
    }

    #[test]
    fn an_answer_goes_where_the_request_says_and_only_then() {
        assert!(reply(&request(BasicProperties::default()), "k", &1).expect("answers").is_none());
        let asked = request(BasicProperties::default().with_reply_to("inbox-7".into()).with_correlation_id("c".into()));
        let answer = reply(&asked, "k", &1).expect("answers").expect("asked for");
        assert_eq!((answer.routing_key.as_str(), answer.correlation_id.as_deref()), ("inbox-7", Some("c")));
        assert_eq!(answer.unroutable, Unroutable::Drop);
        assert_eq!(answer.message_id, reply(&asked, "k", &1).expect("answers").expect("asked for").message_id);
        let ours = request(BasicProperties::default().with_reply_to("order_replies".into()));
        assert_eq!(reply(&ours, "k", &1).expect("answers").expect("asked for").unroutable, Unroutable::Keep);
    }
}
