//! Takes messages out of a queue for good, on behalf of an operator who has them stored elsewhere: nothing is acknowledged before they say
//! that it is. Called by `dead_letters::drain`.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Acker, Channel, Connection};
use tokio::time::timeout;

use super::acks::ack_up_to;
use super::broker::{BrokerError, CLOSE_DEADLINE, DEADLINE, in_time};
use super::{Broker, Incoming, bundle};

/// Name of the consumer; the broker's pages show it.
const TAG: &str = "drain";
/// Longest wait for a delivery that is to come. What the broker has for us comes at once.
const IDLE: Duration = Duration::from_secs(1);
/// Longest wait for one more delivery of a batch that has begun.
const GATHER: Duration = Duration::from_millis(20);

#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("the connection failed while draining; what was not stored is in the queue again")]
    Stream(#[source] lapin::Error),
    #[error("the broker ended the draining (the queue was deleted); what was not stored went with it")]
    Cancelled,
    #[error("the channel closed before the acknowledgement; what was stored may be in the queue again")]
    AckLost,
}

/// A consumer of a queue that only takes.
pub struct Taker {
    connection: Connection,
    channel: Channel,
    stream: lapin::Consumer,
    /// Deliveries of one batch.
    most: u16,
}

/// Deliveries that are not acknowledged yet.
#[derive(Default)]
pub struct Taken {
    /// With the members of bundles one by one.
    pub messages: Vec<Incoming>,
    pub deliveries: u32,
    last: Option<Acker>,
}

impl Taker {
    /// # Errors
    /// When the broker is away, or has no such queue.
    pub async fn start(broker: &Broker, queue: &str, most: u16) -> Result<Self, DrainError> {
        let connection = broker.connect(&format!("draining {queue}")).await?;
        let channel = in_time("opening a channel", DEADLINE, connection.create_channel()).await?;
        let qos = channel.basic_qos(most, BasicQosOptions::default());
        in_time("setting the prefetch", DEADLINE, qos).await?;
        let consume =
            channel.basic_consume(queue.into(), TAG.into(), BasicConsumeOptions::default(), FieldTable::default());
        let stream = in_time("starting to consume", DEADLINE, consume).await?;
        Ok(Self { connection, channel, stream, most })
    }

    /// The next batch; empty when nothing came for a second.
    ///
    /// # Errors
    /// When the connection fails; everything that was not acknowledged is in the queue again.
    pub async fn take(&mut self) -> Result<Taken, DrainError> {
        let mut taken = Taken::default();
        let mut patience = IDLE;
        while taken.deliveries < u32::from(self.most) {
            match timeout(patience, self.stream.next()).await {
                Ok(Some(arrival)) => taken.add(arrival.map_err(DrainError::Stream)?),
                Ok(None) => return Err(DrainError::Cancelled),
                Err(_) => break,
            }
            patience = GATHER;
        }
        Ok(taken)
    }

    /// Takes nothing new, and answers what had been delivered: handed back it would count as a failed delivery.
    ///
    /// # Errors
    /// As [`Taker::take`].
    pub async fn rest(&mut self) -> Result<Taken, DrainError> {
        let cancel = self.channel.basic_cancel(TAG.into(), BasicCancelOptions::default());
        in_time("cancelling the consumer", DEADLINE, cancel).await?;
        let mut taken = Taken::default();
        while let Ok(Some(arrival)) = timeout(IDLE, self.stream.next()).await {
            taken.add(arrival.map_err(DrainError::Stream)?);
        }
        Ok(taken)
    }

    /// They are stored: the queue may forget them.
    ///
    /// # Errors
    /// [`DrainError::AckLost`].
    pub async fn done(&mut self, taken: Taken) -> Result<(), DrainError> {
        let Some(last) = taken.last else { return Ok(()) };
        match ack_up_to(&last).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(DrainError::AckLost),
        }
    }

    /// The broker answers the closing after it has seen every acknowledgement.
    ///
    /// # Errors
    /// [`DrainError::AckLost`] when it does not.
    pub async fn close(self) -> Result<(), DrainError> {
        let closed = timeout(DEADLINE, self.channel.close(200, "done".into())).await;
        let _ = timeout(CLOSE_DEADLINE, self.connection.close(200, "done".into())).await;
        match closed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(DrainError::AckLost),
        }
    }
}

impl Taken {
    fn add(&mut self, delivery: lapin::message::Delivery) {
        let (exchange, routing_key) = (delivery.exchange.as_str(), delivery.routing_key.as_str());
        self.messages.extend(bundle::members(Incoming::read(
            exchange,
            routing_key,
            delivery.properties,
            delivery.data,
        )));
        self.deliveries += 1;
        self.last = Some(delivery.acker);
    }
}
