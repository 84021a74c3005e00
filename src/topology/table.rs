//! The table itself. Order matters: a dead-letter target stands before the queues that lead to it.

use std::collections::BTreeMap;
use std::fmt;

use super::{QueueType, TopologyArgs, WorkQueue, names};

/// Redeliveries after which the broker itself gives a message up. Well above the crashes of one bad deployment, so that
/// neighbours of a poisonous message survive; our own ladder gives up long before.
const DELIVERY_LIMIT: i64 = 50;
/// The last queue has no further target: beyond its limit a message would be deleted, so the limit is out of reach.
const NO_DELIVERY_LIMIT: i64 = 1_000_000;

/// Value of a queue argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    Text(String),
    Number(i64),
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

pub type Arguments = BTreeMap<&'static str, Argument>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    pub name: &'static str,
    /// `direct`, `fanout` or `topic`.
    pub kind: &'static str,
}

/// A durable queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    pub name: String,
    pub arguments: Arguments,
    /// What it is for, in a few words.
    pub purpose: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub exchange: &'static str,
    pub queue: &'static str,
    pub routing_key: &'static str,
}

/// Everything the fleet needs of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    pub exchanges: Vec<Exchange>,
    pub queues: Vec<Queue>,
    pub bindings: Vec<Binding>,
}

impl Topology {
    pub fn new(options: &TopologyArgs) -> Self {
        let exchange = |name, kind| Exchange { name, kind };
        let mut queues = vec![
            Queue {
                name: names::UNREADABLE_LETTERS.to_owned(),
                arguments: base(options.queue_type, NO_DELIVERY_LIMIT),
                purpose: "what the dead-letter-handler could not even read; consumed by nobody",
            },
            Queue {
                name: names::DEAD_LETTERS.to_owned(),
                arguments: dead_lettering(options.queue_type, ("", names::UNREADABLE_LETTERS)),
                purpose: "what nobody could process, until the dead-letter-handler has stored it",
            },
        ];
        queues.extend(WorkQueue::ALL.map(|queue| Queue {
            name: queue.name().to_owned(),
            arguments: dead_lettering(options.queue_type, (names::DLX, names::FAILED)),
            purpose: purpose(queue),
        }));
        for queue in WorkQueue::ALL {
            queues.extend(options.delays(queue).iter().enumerate().map(|(rung, delay)| {
                let mut arguments = dead_lettering(options.queue_type, queue.way_in());
                let millis = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
                arguments.insert("x-message-ttl", Argument::Number(millis));
                Queue {
                    name: queue.retry_queue(rung),
                    arguments,
                    purpose: "holds failed messages until their next attempt",
                }
            }));
        }
        Self {
            exchanges: vec![
                exchange(names::DLX, "direct"),
                exchange(names::ORDERS, "direct"),
                exchange(names::NOTIFICATIONS, "fanout"),
                exchange(names::EVENTS, "topic"),
            ],
            queues,
            bindings: bindings(),
        }
    }
}

fn bindings() -> Vec<Binding> {
    let binding = |exchange, queue, routing_key| Binding { exchange, queue, routing_key };
    vec![
        binding(names::DLX, names::DEAD_LETTERS, names::FAILED),
        binding(names::ORDERS, names::ORDER_PROCESSING, names::PROCESS),
        binding(names::ORDERS, names::ORDER_PROCESSING_HIGH, names::PROCESS_HIGH),
        binding(names::NOTIFICATIONS, names::EMAIL_NOTIFICATIONS, ""),
        binding(names::NOTIFICATIONS, names::SMS_NOTIFICATIONS, ""),
        binding(names::NOTIFICATIONS, names::PUSH_NOTIFICATIONS, ""),
        binding(names::EVENTS, names::ANALYTICS, "#"),
    ]
}

fn purpose(queue: WorkQueue) -> &'static str {
    match queue {
        WorkQueue::OrderProcessing => "submitted orders, for the order-processor",
        WorkQueue::OrderProcessingHigh => "submitted orders with high priority, for the order-processor",
        WorkQueue::OrderReplies => "answers and deadlines, for the order-processor",
        WorkQueue::InventoryRequests => "reserve, release, commit, for the inventory-service",
        WorkQueue::PaymentRequests => "take and cancel payments, for the payment-service",
        WorkQueue::EmailNotifications => "every notification, for the email-service",
        WorkQueue::SmsNotifications => "every notification, for the sms-service",
        WorkQueue::PushNotifications => "every notification, for the push-service",
        WorkQueue::Analytics => "every event, for the analytics-service",
        WorkQueue::WebhookDeliveries => "events for partners' endpoints, for the webhook-service",
    }
}

fn base(queue_type: QueueType, delivery_limit: i64) -> Arguments {
    match queue_type {
        QueueType::Quorum => Arguments::from([
            ("x-queue-type", Argument::Text("quorum".to_owned())),
            ("x-delivery-limit", Argument::Number(delivery_limit)),
        ]),
        QueueType::Classic => Arguments::from([("x-queue-type", Argument::Text("classic".to_owned()))]),
    }
}

/// Arguments of a queue whose dead letters go to `target` (exchange, routing key). At-least-once dead-lettering works only
/// together with `reject-publish`; without a maximum length that overflow never happens.
fn dead_lettering(queue_type: QueueType, target: (&str, &str)) -> Arguments {
    let mut arguments = base(queue_type, DELIVERY_LIMIT);
    arguments.insert("x-dead-letter-exchange", Argument::Text(target.0.to_owned()));
    arguments.insert("x-dead-letter-routing-key", Argument::Text(target.1.to_owned()));
    if queue_type == QueueType::Quorum {
        arguments.insert("x-dead-letter-strategy", Argument::Text("at-least-once".to_owned()));
        arguments.insert("x-overflow", Argument::Text("reject-publish".to_owned()));
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Option<Argument> {
        Some(Argument::Text(value.to_owned()))
    }

    #[test]
    fn a_work_queue_dead_letters_only_to_the_final_queue_and_a_rung_only_back_home() {
        let topology = Topology::new(&TopologyArgs::default());
        for work in WorkQueue::ALL {
            let find =
                |name: &str| topology.queues.iter().find(|q| q.name == name).expect("declared").arguments.clone();
            let queue = find(work.name());
            assert_eq!(queue.get("x-dead-letter-exchange").cloned(), text("dlx"));
            assert_eq!(queue.get("x-dead-letter-routing-key").cloned(), text("failed"));
            for rung in work.ladder() {
                let retry = find(&rung);
                assert_eq!(retry.get("x-dead-letter-exchange").cloned(), text(work.way_in().0));
                assert_eq!(retry.get("x-dead-letter-routing-key").cloned(), text(work.way_in().1));
                assert!(retry.contains_key("x-message-ttl"));
            }
        }
    }

    #[test]
    fn every_quorum_queue_has_a_positive_delivery_limit() {
        for queue in Topology::new(&TopologyArgs::default()).queues {
            assert!(
                matches!(queue.arguments.get("x-delivery-limit"), Some(Argument::Number(n)) if *n > 0),
                "{}",
                queue.name
            );
        }
    }

    #[test]
    fn targets_stand_before_their_sources() {
        let topology = Topology::new(&TopologyArgs::default());
        assert_eq!(topology.queues[0].name, "unreadable_letters");
        assert_eq!(topology.queues[1].name, "dead_letters");
        assert_eq!(topology.exchanges[0].name, "dlx");
        assert_eq!(topology.queues.len(), 2 + 9 * 4 + 5);
    }
}
