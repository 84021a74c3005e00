//! What ends a consumer's session: the supervisor starts a new one, and everything unacknowledged comes again.

use lapin::ErrorKind;

use super::supervise::Ended;
use super::{BrokerError, PublishError};

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("the connection failed while consuming")]
    Stream(#[source] lapin::Error),
    /// The client library cannot parse a delivery, so it never reaches us (a property that is not UTF-8, say).
    #[error("a delivery cannot be read; taking one message at a time until the broker gives it up")]
    Unreadable(#[source] lapin::Error),
    #[error("everything could be read for a while; taking many messages at a time again")]
    BackToPace,
    #[error("the broker cancelled the consumer (queue deleted, or an ack timeout)")]
    Cancelled,
    #[error("the channel closed before the acknowledgement")]
    AckLost,
    #[error("what the messages caused may not be stored")]
    Publish(#[from] PublishError),
    #[error("nothing is bound for {0}; run setup")]
    Unroutable(String),
    #[error("a queue refused a message for exchange '{0}'")]
    Rejected(String),
    #[error("a dead letter cannot be stored: {0}")]
    Unstorable(String),
    #[error("the database refuses what the messaging itself asks")]
    Database(#[source] sqlx::Error),
    #[error("the channel closed while the database was away")]
    LostWhileWaiting,
}

/// Reply codes by which the broker refuses a message for what it is (AMQP 0-9-1, 1.2): too large, a property that it does not
/// accept, frames or fields that it cannot read.
const REFUSES_THE_MESSAGE: [u16; 4] = [311, 406, 501, 502];

impl Fault {
    /// Whether offering the same messages again would end in the same way for ever.
    pub fn blames_a_message(&self) -> bool {
        let Self::Publish(PublishError::Channel(error)) = self else { return false };
        match error.kind() {
            ErrorKind::ProtocolError(refusal) => REFUSES_THE_MESSAGE.contains(&refusal.get_id()),
            ErrorKind::SerialisationError(_) => true,
            _ => false,
        }
    }

    /// An error of the stream, told apart.
    pub fn of_stream(error: lapin::Error) -> Self {
        match error.kind() {
            ErrorKind::ParsingError(_) => Self::Unreadable(error),
            _ => Self::Stream(error),
        }
    }
}

impl Ended for Fault {
    fn starts_at_once(&self) -> bool {
        matches!(self, Self::Unreadable(_) | Self::BackToPace)
    }
}

#[cfg(test)]
mod tests {
    use lapin::protocol::AMQPError;

    use super::*;

    #[test]
    fn a_missing_exchange_is_nobodys_fault_and_a_message_too_large_is_its_own() {
        let closed = |code: u16| {
            let refusal = AMQPError::from_id(code, "".into()).expect("a reply code");
            Fault::Publish(PublishError::Channel(ErrorKind::ProtocolError(refusal).into()))
        };
        assert!([311, 406, 501].into_iter().all(|code| closed(code).blames_a_message()));
        assert!(![320, 403, 404, 541].into_iter().any(|code| closed(code).blames_a_message()));
        assert!(!Fault::Unroutable("anywhere".to_owned()).blames_a_message());
    }
}
