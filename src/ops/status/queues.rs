//! The queues: what the broker counts, what the consumers say in their heartbeats, and the management API's rates where there are any.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::contract::instance::{ConsumerReport, SILENT_AFTER};
use crate::contract::status::{Part, QueueRates, QueueStatus};
use crate::messaging::{Broker, QueueLook, look_at_queues};
use crate::ports::management::Management;
use crate::store::instances::Instance;
use crate::telemetry::chain;

/// Longest wait for the broker: some forty round trips, on a connection that has to be made.
const PATIENCE: Duration = Duration::from_secs(4);
/// How old a look may be: many operators who watch cost the broker no more than one.
const FRESH: Duration = Duration::from_secs(1);

/// Looks at the queues, for one asker at a time.
#[derive(Clone)]
pub struct QueueReader {
    broker: Broker,
    management: Option<Arc<Management>>,
    last: Arc<Mutex<Option<(Instant, Looked)>>>,
}

/// What one look brought: queues with the management's rates, or why not.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    pub queues: Part<Vec<(QueueLook, Option<QueueRates>)>>,
    /// Why there are no rates, although an address was given.
    pub complaint: Option<String>,
}

impl QueueReader {
    pub fn new(broker: Broker, management: Option<Management>) -> Self {
        Self { broker, management: management.map(Arc::new), last: Arc::default() }
    }

    pub(super) async fn look(&self) -> Looked {
        let mut last = self.last.lock().await;
        if let Some((at, looked)) = &*last
            && at.elapsed() < FRESH
        {
            return looked.clone();
        }
        let looked = self.look_now().await;
        *last = Some((Instant::now(), looked.clone()));
        looked
    }

    async fn look_now(&self) -> Looked {
        let rates = async {
            match &self.management {
                Some(management) => management.rates().await.map_err(|error| chain(&error)),
                None => Ok(Default::default()),
            }
        };
        let (looks, rates) = tokio::join!(timeout(PATIENCE, look_at_queues(&self.broker)), rates);
        let (mut rates, complaint) = match rates {
            Ok(rates) => (rates, None),
            Err(complaint) => (Default::default(), Some(complaint)),
        };
        let queues = match looks {
            Ok(Ok(looks)) => Part::Known(
                looks
                    .into_iter()
                    .map(|look| {
                        let rates = rates.remove(&look.queue);
                        (look, rates)
                    })
                    .collect(),
            ),
            Ok(Err(error)) => Part::Unknown { error: chain(&error) },
            Err(_) => Part::Unknown { error: format!("the broker did not answer within {} s", PATIENCE.as_secs()) },
        };
        Looked { queues, complaint }
    }
}

/// One line per queue of the topology.
pub(super) fn queues(
    looked: Part<Vec<(QueueLook, Option<QueueRates>)>>,
    instances: &[Instance],
    untaken: Option<&HashMap<String, f64>>,
) -> Part<Vec<QueueStatus>> {
    match looked {
        Part::Unknown { error } => Part::Unknown { error },
        Part::Known(looks) => {
            let seconds = |look: &QueueLook| untaken.and_then(|untaken| untaken.get(&look.queue)).copied();
            let told = |(look, rates): (QueueLook, _)| {
                // what was emptied since the last watching look has no age
                let waits = look.found.is_some_and(|found| found.messages > 0);
                QueueStatus { untaken_seconds: seconds(&look).filter(|_| waits), ..queue(look, rates, instances) }
            };
            Part::Known(looks.into_iter().map(told).collect())
        }
    }
}

fn queue(look: QueueLook, management: Option<QueueRates>, instances: &[Instance]) -> QueueStatus {
    let heard = instances.iter().filter(|instance| instance.seen_seconds_ago <= SILENT_AFTER.as_secs_f64());
    let reports: Vec<&ConsumerReport> = heard
        .filter_map(|instance| instance.detail.consumer.as_ref())
        .filter(|report| report.queue == look.queue)
        .collect();
    let said = management.as_ref().and_then(|rates| rates.state.clone());
    let there = if look.found.is_some() { said.unwrap_or_else(|| "present".to_owned()) } else { "missing".to_owned() };
    QueueStatus {
        name: look.queue,
        state: there,
        messages: look.found.map_or(0, |found| found.messages),
        consumers: look.found.map_or(0, |found| found.consumers),
        in_hand: reports.iter().map(|report| report.in_hand).sum(),
        // not `sum`: of nothing it makes a negative zero
        taken_per_second: reports.iter().fold(0.0, |sum, report| sum + rate(report)),
        oldest_taken_seconds: reports.iter().filter_map(|report| report.oldest_taken_seconds).reduce(f64::max),
        untaken_seconds: None,
        management,
    }
}

fn rate(report: &ConsumerReport) -> f64 {
    if report.interval_seconds > 0.0 { report.taken as f64 / report.interval_seconds } else { 0.0 }
}
