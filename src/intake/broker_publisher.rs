//! The relay's publisher: one channel, opened when first needed and again after every fault.

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::relay::{PublishBatch, PublishFailed};
use crate::contract::Outgoing;
use crate::messaging::{Broker, Publisher, Verdict, Wire};

pub struct BrokerPublisher {
    broker: Broker,
    open: Mutex<Option<Publisher>>,
}

impl BrokerPublisher {
    pub fn new(broker: Broker) -> Self {
        Self { broker, open: Mutex::new(None) }
    }

    async fn publish_all(&self, messages: &[Outgoing]) -> Result<Vec<Verdict>, PublishFailed> {
        let mut open = self.open.lock().await;
        // Taken out, so that a publisher whose fate is unknown (error, or this future dropped) is never used again.
        let mut publisher = match open.take().filter(Publisher::is_usable) {
            Some(publisher) => publisher,
            None => self.broker.publisher("relay").await.map_err(|error| PublishFailed(Box::new(error)))?,
        };
        let wires: Vec<Wire> = messages.iter().map(Wire::from).collect();
        let verdicts = publisher.publish(&wires).await.map_err(|error| PublishFailed(Box::new(error)))?;
        *open = Some(publisher);
        Ok(verdicts)
    }
}

impl PublishBatch for BrokerPublisher {
    fn publish<'a>(&'a self, messages: &'a [Outgoing]) -> BoxFuture<'a, Result<Vec<Verdict>, PublishFailed>> {
        Box::pin(self.publish_all(messages))
    }
}
