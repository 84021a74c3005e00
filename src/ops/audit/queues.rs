//! What waits in the queues and whether that is explained. The broker counts what is ready; what a consumer has in hand is not
//! counted, which is why `settle` judges again.

use serde::Serialize;

use super::violation::QueueFault;
pub use crate::messaging::QueuesError;
use crate::messaging::{Broker, look_at_queues};
use crate::topology::{WorkQueue, names};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueueDepth {
    pub queue: String,
    /// `None` when there is no such queue.
    pub messages: Option<u32>,
}

/// # Errors
/// When the broker is away or does not answer.
pub async fn depths(broker: &Broker) -> Result<Vec<QueueDepth>, QueuesError> {
    let looks = look_at_queues(broker).await?;
    Ok(looks
        .into_iter()
        .map(|look| QueueDepth { queue: look.queue, messages: look.found.map(|f| f.messages) })
        .collect())
}

/// Messages in a work queue and on its ladder.
pub fn waiting_in(depths: &[QueueDepth], work: WorkQueue) -> i64 {
    let belongs = |name: &str| name == work.name() || work.ladder().any(|rung| rung == name);
    depths.iter().filter(|depth| belongs(&depth.queue)).map(|depth| i64::from(depth.messages.unwrap_or(0))).sum()
}

pub fn is_empty(depths: &[QueueDepth]) -> bool {
    depths.iter().all(|depth| depth.messages.unwrap_or(0) == 0)
}

/// What is wrong with the queues themselves. `is_explained` tells whether messages in this work queue, or on its ladder, are
/// what unfinished orders or missing effects wait for.
pub fn faults(depths: &[QueueDepth], is_explained: impl Fn(WorkQueue) -> bool) -> Vec<QueueFault> {
    let owner = |name: &str| {
        let owns = |work: &WorkQueue| work.name() == name || work.ladder().any(|rung| rung == name);
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
