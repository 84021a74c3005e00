//! What ends a consumer's session: the supervisor starts a new one, and everything unacknowledged comes again.

use super::{BrokerError, PublishError};

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("the connection failed while consuming")]
    Stream(#[source] lapin::Error),
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
