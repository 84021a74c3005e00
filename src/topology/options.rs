//! What an operator may choose about the topology; flags of `setup`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::WorkQueue;

/// How queues are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueueType {
    /// Replicated by Raft; at-least-once dead-lettering, delivery limits.
    Quorum,
    /// One node, no delivery limit, dead-lettering at most once. For brokers that must stay small.
    Classic,
}

#[derive(Args, Clone, Debug)]
pub struct TopologyArgs {
    /// Type of every queue. Changing it needs queues that do not exist yet.
    #[arg(long, env = "QUEUE_TYPE", value_enum, default_value = "quorum")]
    pub queue_type: QueueType,

    /// Delays of the three rungs of every retry ladder but that of webhooks, as in 5s,30s,120s or 300ms,1s,2s.
    #[arg(long, env = "RETRY_DELAYS", value_name = "DELAYS", default_value = "5s,30s,120s", value_parser = parse_delays::<{ WorkQueue::RUNGS }>)]
    pub retry_delays: Delays,

    /// Delays of the four rungs of the ladder of webhooks, likewise.
    #[arg(long, env = "WEBHOOK_RETRY_DELAYS", value_name = "DELAYS", default_value = "5s,60s,600s,3600s", value_parser = parse_delays::<{ WorkQueue::WEBHOOK_RUNGS }>)]
    pub webhook_delays: WebhookDelays,
}

/// One delay per rung.
pub type Delays = [Duration; WorkQueue::RUNGS];
pub type WebhookDelays = [Duration; WorkQueue::WEBHOOK_RUNGS];

impl TopologyArgs {
    /// The delays of one queue's ladder.
    pub fn delays(&self, queue: WorkQueue) -> &[Duration] {
        match queue {
            WorkQueue::WebhookDeliveries => &self.webhook_delays,
            WorkQueue::OrderProcessing
            | WorkQueue::OrderProcessingHigh
            | WorkQueue::OrderReplies
            | WorkQueue::InventoryRequests
            | WorkQueue::PaymentRequests
            | WorkQueue::EmailNotifications
            | WorkQueue::SmsNotifications
            | WorkQueue::PushNotifications
            | WorkQueue::Analytics => &self.retry_delays,
        }
    }
}

impl Default for TopologyArgs {
    fn default() -> Self {
        Self {
            queue_type: QueueType::Quorum,
            retry_delays: [5, 30, 120].map(Duration::from_secs),
            webhook_delays: [5, 60, 600, 3600].map(Duration::from_secs),
        }
    }
}

fn parse_delays<const RUNGS: usize>(text: &str) -> Result<[Duration; RUNGS], String> {
    let delays: Vec<Duration> = text.split(',').map(parse_delay).collect::<Result<_, _>>()?;
    let found = delays.len();
    delays.try_into().map_err(|_| format!("expected {RUNGS} delays, got {found}"))
}

fn parse_delay(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s').unwrap_or(text), 1000),
    };
    match number.parse::<u64>() {
        Ok(number) if number > 0 => Ok(Duration::from_millis(number * unit)),
        Ok(_) | Err(_) => Err(format!("{text:?} is not a delay; write 5s or 300ms")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_read_in_seconds_and_milliseconds() {
        assert_eq!(parse_delays("5s,30s,120s"), Ok(TopologyArgs::default().retry_delays));
        assert_eq!(parse_delays("5s,60s,600s,3600s"), Ok(TopologyArgs::default().webhook_delays));
        assert_eq!(parse_delays("300ms, 1,2s"), Ok([300, 1000, 2000].map(Duration::from_millis)));
        for bad in ["5s,30s", "5s,0s,1s", "5s,x,1s"] {
            assert!(parse_delays::<3>(bad).is_err(), "{bad}");
        }
    }
}
