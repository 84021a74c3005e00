//! How many messages wait in every queue of the topology and who consumes it, by passive declarations: they ask and change nothing,
//! and need no management plug-in. The broker counts what is ready; what a consumer has in hand is not counted. Called by the audit
//! and by the live status.

use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ErrorKind};
use tokio::time::timeout;

use super::{Broker, BrokerError};
use crate::topology::{Topology, TopologyArgs};

/// A passive declaration is one round trip; longer means that the broker lost its majority.
const DEADLINE: Duration = Duration::from_secs(10);
/// AMQP reply code (AMQP 0-9-1, 1.2.1).
const NOT_FOUND: u16 = 404;

#[derive(Debug, thiserror::Error)]
pub enum QueuesError {
    #[error("no connection to the broker")]
    Connect(#[from] BrokerError),
    #[error("the broker did not answer within {} s about the queue {queue}", DEADLINE.as_secs())]
    Deadline { queue: String },
    #[error("the broker refused to answer about the queue {queue}")]
    Refused { queue: String, source: lapin::Error },
}

/// One queue of the topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueLook {
    pub queue: String,
    /// `None` when there is no such queue.
    pub found: Option<QueueFigures>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFigures {
    pub messages: u32,
    pub consumers: u32,
}

/// Looks at every queue, on a connection of its own: a queue that is missing costs its channel.
///
/// # Errors
/// When the broker is away or does not answer.
pub async fn look_at_queues(broker: &Broker) -> Result<Vec<QueueLook>, QueuesError> {
    let connection = broker.connect("reading the depths of the queues").await?;
    let asked = ask_all(&connection).await;
    // The answers are in; how the connection ends does not change them.
    let _ = timeout(DEADLINE, connection.close(200, "done".into())).await;
    asked
}

/// Looks at one queue, of the topology or not; `None` when there is no such queue.
///
/// # Errors
/// When the broker is away or does not answer.
pub async fn look_at_queue(broker: &Broker, queue: &str) -> Result<Option<QueueFigures>, QueuesError> {
    let connection = broker.connect("reading the depth of a queue").await?;
    let channel = in_time(queue, connection.create_channel()).await?;
    let asked = ask(&channel, queue).await;
    let _ = timeout(DEADLINE, connection.close(200, "done".into())).await;
    match asked {
        Ok(figures) => Ok(Some(figures)),
        Err(QueuesError::Refused { source, .. }) if is_missing(&source) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Looks again and again, on a connection that it keeps.
pub struct QueueLooker {
    broker: Broker,
    connection: Option<Connection>,
}

impl QueueLooker {
    pub fn new(broker: Broker) -> Self {
        Self { broker, connection: None }
    }

    /// # Errors
    /// As [`look_at_queues`]; the next look connects anew.
    pub async fn look(&mut self) -> Result<Vec<QueueLook>, QueuesError> {
        let connection = match self.connection.take().filter(|connection| connection.status().connected()) {
            Some(connection) => connection,
            None => self.broker.connect("watching the depths of the queues").await?,
        };
        let looks = ask_all(&connection).await?;
        self.connection = Some(connection);
        Ok(looks)
    }

    pub async fn close(self) {
        if let Some(connection) = self.connection {
            let _ = timeout(DEADLINE, connection.close(200, "done".into())).await;
        }
    }
}

async fn ask_all(connection: &Connection) -> Result<Vec<QueueLook>, QueuesError> {
    let mut channel = None;
    let mut looks = Vec::new();
    for queue in Topology::new(&TopologyArgs::default()).queues {
        let open = match channel.take() {
            Some(open) => open,
            None => in_time(&queue.name, connection.create_channel()).await?,
        };
        match ask(&open, &queue.name).await {
            Ok(figures) => {
                looks.push(QueueLook { queue: queue.name, found: Some(figures) });
                channel = Some(open);
            }
            // The refusal has closed the channel.
            Err(QueuesError::Refused { source, .. }) if is_missing(&source) => {
                looks.push(QueueLook { queue: queue.name, found: None });
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(open) = channel {
        // The answers are in.
        let _ = timeout(DEADLINE, open.close(200, "done".into())).await;
    }
    Ok(looks)
}

async fn ask(channel: &Channel, queue: &str) -> Result<QueueFigures, QueuesError> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    let declared = in_time(queue, channel.queue_declare(queue.into(), options, FieldTable::default())).await?;
    Ok(QueueFigures { messages: declared.message_count(), consumers: declared.consumer_count() })
}

async fn in_time<T>(queue: &str, call: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, QueuesError> {
    let queue = || queue.to_owned();
    match timeout(DEADLINE, call).await {
        Ok(answer) => answer.map_err(|source| QueuesError::Refused { queue: queue(), source }),
        Err(_) => Err(QueuesError::Deadline { queue: queue() }),
    }
}

fn is_missing(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == NOT_FOUND)
}
