//! How many messages wait in every queue of the topology, by passive declarations: they ask and change nothing. The broker counts
//! what is ready; what a consumer has in hand is not counted, which is why `settle` judges again.

use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ErrorKind};
use serde::Serialize;
use tokio::time::timeout;

use super::violation::QueueFault;
use crate::messaging::{Broker, BrokerError};
use crate::topology::{Topology, TopologyArgs, WorkQueue, names};

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

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueueDepth {
    pub queue: String,
    /// `None` when there is no such queue.
    pub messages: Option<u32>,
}

/// # Errors
/// When the broker is away or does not answer.
pub async fn depths(broker: &Broker) -> Result<Vec<QueueDepth>, QueuesError> {
    let connection = broker.connect("reading the depths of the queues").await?;
    let asked = ask_all(&connection).await;
    // The answers are in; how the connection ends does not change them.
    let _ = timeout(DEADLINE, connection.close(200, "done".into())).await;
    asked
}

async fn ask_all(connection: &Connection) -> Result<Vec<QueueDepth>, QueuesError> {
    let mut channel = None;
    let mut depths = Vec::new();
    for queue in Topology::new(&TopologyArgs::default()).queues {
        let open = match channel.take() {
            Some(open) => open,
            None => in_time(&queue.name, connection.create_channel()).await?,
        };
        match ask(&open, &queue.name).await {
            Ok(messages) => {
                depths.push(QueueDepth { queue: queue.name, messages: Some(messages) });
                channel = Some(open);
            }
            // The refusal has closed the channel.
            Err(QueuesError::Refused { source, .. }) if is_missing(&source) => {
                depths.push(QueueDepth { queue: queue.name, messages: None });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(depths)
}

async fn ask(channel: &Channel, queue: &str) -> Result<u32, QueuesError> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    let declared = in_time(queue, channel.queue_declare(queue.into(), options, FieldTable::default())).await?;
    Ok(declared.message_count())
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

/// Messages in a work queue and on its ladder.
pub fn waiting_in(depths: &[QueueDepth], work: WorkQueue) -> i64 {
    let belongs = |name: &str| name == work.name() || (0..WorkQueue::RUNGS).any(|rung| work.retry_queue(rung) == name);
    depths.iter().filter(|depth| belongs(&depth.queue)).map(|depth| i64::from(depth.messages.unwrap_or(0))).sum()
}

pub fn is_empty(depths: &[QueueDepth]) -> bool {
    depths.iter().all(|depth| depth.messages.unwrap_or(0) == 0)
}

/// What is wrong with the queues themselves. `is_explained` tells whether messages in this work queue, or on its ladder, are
/// what unfinished orders or missing effects wait for.
pub fn faults(depths: &[QueueDepth], is_explained: impl Fn(WorkQueue) -> bool) -> Vec<QueueFault> {
    let owner = |name: &str| {
        let owns =
            |work: &WorkQueue| work.name() == name || (0..WorkQueue::RUNGS).any(|rung| work.retry_queue(rung) == name);
        WorkQueue::ALL.into_iter().find(owns)
    };
    let fault = |depth: &QueueDepth| {
        let queue = depth.queue.clone();
        match depth.messages {
            None => Some(QueueFault::Missing { queue }),
            Some(0) => None,
            Some(messages) if queue == names::DEAD_LETTERS => Some(QueueFault::NotTakenIn { queue, messages }),
            Some(messages) => match owner(&queue) {
                Some(work) if is_explained(work) => None,
                Some(_) | None => Some(QueueFault::Unexplained { queue, messages }),
            },
        }
    };
    depths.iter().filter_map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_without_an_order_a_missing_queue_and_waiting_dead_letters_are_three_faults() {
        let depth = |queue: &str, messages| QueueDepth { queue: queue.to_owned(), messages };
        let depths = [
            depth("order_retry_1", Some(2)),
            depth("analytics", None),
            depth("dead_letters", Some(1)),
            depth("payment_requests", Some(0)),
        ];
        assert_eq!(waiting_in(&depths, WorkQueue::OrderProcessing), 2);
        assert_eq!(
            faults(&depths, |_| false),
            [
                QueueFault::Unexplained { queue: "order_retry_1".into(), messages: 2 },
                QueueFault::Missing { queue: "analytics".into() },
                QueueFault::NotTakenIn { queue: "dead_letters".into(), messages: 1 },
            ]
        );
        assert_eq!(faults(&depths, |work| work == WorkQueue::OrderProcessing).len(), 2);
    }
}
