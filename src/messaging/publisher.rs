//! Publishes closed batches with confirms, on a channel that nobody else uses.
//!
//! The client library may hang a returned message on the wrong confirm when publishes are pipelined, so the verdict is found by
//! message id: every returned message of the batch is collected first, and what was returned is never called stored.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::maybe_done;
use futures_util::poll;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::protocol::AMQPErrorKind;
use lapin::{Channel, Confirmation, Connection, ErrorKind, PublisherConfirm};
use tokio::time::timeout;

use super::Wire;
use super::broker::{BrokerError, DEADLINE, in_time};
use crate::crash_points::{Boundary, crash_point};
use crate::telemetry::metrics;

/// A confirm waits for a majority's disk; a broker under an alarm answers nothing at all.
const CONFIRM_DEADLINE: Duration = Duration::from_secs(15);
/// Publishes in flight at once; beyond some hundreds the rate no longer grows (measured, RabbitMQ 3.10 and 4.0).
const WINDOW: usize = 512;

/// What the broker said of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A majority has it on disk.
    Stored,
    /// No queue is bound for it; the text says where it was sent.
    Unroutable(String),
    /// A queue refused it.
    Rejected,
}

/// The batch is in doubt: some of it may be stored. Publish all of it again, with the same ids, on a new channel.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("the broker did not confirm within {} s", CONFIRM_DEADLINE.as_secs())]
    Deadline,
    #[error("the channel failed while publishing")]
    Channel(#[source] lapin::Error),
    #[error("the channel does not confirm publishes")]
    NotConfirming,
}

impl PublishError {
    /// Whether the broker itself is the trouble (away, or it takes nothing), and not what was published.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Deadline => true,
            Self::Channel(error) => match error.kind() {
                ErrorKind::ProtocolError(refusal) => matches!(refusal.kind(), AMQPErrorKind::Hard(_)),
                ErrorKind::SerialisationError(_) => false,
                _ => true,
            },
            Self::NotConfirming => false,
        }
    }
}

/// One channel in confirm mode.
pub struct Publisher {
    channel: Channel,
    role: &'static str,
}

impl Publisher {
    pub(super) async fn open(connection: &Connection, role: &'static str) -> Result<Self, BrokerError> {
        let channel = in_time("opening a channel for publishing", DEADLINE, connection.create_channel()).await?;
        let select = channel.confirm_select(ConfirmSelectOptions::default());
        in_time("switching confirms on", DEADLINE, select).await?;
        Ok(Self { channel, role })
    }

    /// Whether the channel still stands; a publisher whose channel is gone is thrown away.
    pub fn is_usable(&self) -> bool {
        self.channel.status().connected()
    }

    /// Publishes all messages and waits for every confirm. The verdicts are in the order of the messages.
    ///
    /// # Errors
    /// [`PublishError`] when any outcome is unknown; throw the publisher away then.
    pub async fn publish(&mut self, messages: &[Wire]) -> Result<Vec<Verdict>, PublishError> {
        let mut verdicts = Vec::with_capacity(messages.len());
        for window in messages.chunks(WINDOW) {
            let published = timeout(CONFIRM_DEADLINE, self.publish_window(window)).await;
            verdicts.extend(published.map_err(|_| PublishError::Deadline)??);
        }
        for (message, verdict) in messages.iter().zip(&verdicts) {
            let label = match verdict {
                Verdict::Stored => "stored",
                Verdict::Unroutable(_) => "unroutable",
                Verdict::Rejected => "rejected",
            };
            metrics().published.with_label_values(&[message.exchange.as_str(), label]).inc();
        }
        Ok(verdicts)
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that publishes")]
    async fn publish_window(&mut self, window: &[Wire]) -> Result<Vec<Verdict>, PublishError> {
        let mut writes = Vec::with_capacity(window.len());
        for message in window {
            let options = BasicPublishOptions { mandatory: message.is_mandatory(), ..BasicPublishOptions::default() };
            let mut write = Box::pin(maybe_done(self.channel.basic_publish(
                message.exchange.as_str().into(),
                message.routing_key.as_str().into(),
                options,
                &message.body,
                message.properties.clone(),
            )));
            // The first poll queues the message, in this order; waiting here for each to be written would wake the connection's
            // thread and this task once per message.
            let _ = poll!(write.as_mut());
            writes.push(write);
        }
        let mut confirms: Vec<PublisherConfirm> = Vec::with_capacity(window.len());
        for mut write in writes {
            write.as_mut().await;
            let written = write.as_mut().take_output().ok_or(PublishError::NotConfirming)?;
            confirms.push(written.map_err(PublishError::Channel)?);
        }
        crash_point(self.role, Boundary::AfterPublish);
        let mut returned: HashSet<String> = HashSet::new();
        let mut nacked = vec![false; window.len()];
        for (index, confirm) in confirms.into_iter().enumerate() {
            let back = match confirm.await.map_err(PublishError::Channel)? {
                Confirmation::Ack(back) => back,
                Confirmation::Nack(back) => {
                    nacked[index] = true;
                    back
                }
                Confirmation::NotRequested => return Err(PublishError::NotConfirming),
            };
            if let Some(id) = back.and_then(|back| back.delivery.properties.message_id().clone()) {
                returned.insert(id.to_string());
            }
        }
        let verdict = |(message, nacked): (&Wire, bool)| {
            let id = message.properties.message_id().as_ref();
            if id.is_some_and(|id| returned.contains(id.as_str())) {
                Verdict::Unroutable(format!("exchange '{}', routing key '{}'", message.exchange, message.routing_key))
            } else if nacked {
                Verdict::Rejected
            } else {
                Verdict::Stored
            }
        };
        Ok(window.iter().zip(nacked).map(verdict).collect())
    }
}
