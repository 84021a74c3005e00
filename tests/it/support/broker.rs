//! A virtual host with the fleet's topology, and a foreign AMQP client that does what it likes there.

use std::time::Duration;

use lapin::message::BasicGetMessage;
use lapin::options::{
    BasicGetOptions, BasicNackOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, ExchangeKind};
use order_fleet::messaging::Broker;
use order_fleet::topology::{QueueType, Topology, TopologyArgs};

use super::amqp::Client;
use super::{VirtualHost, eventually};

/// Dropping it deletes the virtual host.
pub struct TestBroker {
    pub url: String,
    /// The foreign client.
    pub client: Client,
    host: VirtualHost,
}

impl TestBroker {
    pub async fn create() -> Self {
        let host = VirtualHost::create().await;
        let delays = [100, 100, 100].map(Duration::from_millis);
        let webhook_delays = [100; 4].map(Duration::from_millis);
        let topology =
            Topology::new(&TopologyArgs { queue_type: QueueType::Quorum, retry_delays: delays, webhook_delays });
        host.declare(&topology).await.expect("the topology");
        Self { url: host.url.clone(), client: Client::connect(&host.url).await, host }
    }

    /// Access as the fleet has it.
    pub fn broker(&self, name: &str) -> Broker {
        self.host.broker(name)
    }

    /// A foreign queue whose dead letters go to the fleet, behind a topic exchange of its own.
    pub async fn declare_foreign(&self, exchange: &str, queue: &str, delivery_limit: i64) {
        let mut arguments = FieldTable::default();
        let text = |text: &str| AMQPValue::LongString(text.into());
        arguments.insert("x-queue-type".into(), text("quorum"));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(delivery_limit));
        arguments.insert("x-dead-letter-exchange".into(), text("dlx"));
        arguments.insert("x-dead-letter-routing-key".into(), text("failed"));
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let channel = &self.client.channel;
        let declared = channel.exchange_declare(exchange.into(), ExchangeKind::Topic, durable, FieldTable::default());
        declared.await.expect("an exchange");
        channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments).await.expect("a queue");
        let bind = QueueBindOptions::default();
        let bound = channel.queue_bind(queue.into(), exchange.into(), "#".into(), bind, FieldTable::default());
        bound.await.expect("a binding");
    }

    /// Publishes and waits for the confirm.
    pub async fn publish(&self, exchange: &str, routing_key: &str, properties: BasicProperties, body: &[u8]) {
        self.client.publish(exchange, routing_key, properties, body).await;
    }

    /// Messages that wait in the queue and that nobody has taken.
    pub async fn depth(&self, queue: &str) -> u32 {
        self.client.depth(queue).await
    }

    pub async fn wait_for_depth(&self, queue: &str, depth: u32) {
        let step = format!("{depth} messages in {queue}");
        eventually(&step, async || (self.depth(queue).await == depth).then_some(())).await;
    }

    /// Takes the next message and leaves it unsettled.
    pub async fn take(&self, queue: &str) -> BasicGetMessage {
        let step = format!("a message in {queue}");
        let channel = &self.client.channel;
        eventually(&step, async || channel.basic_get(queue.into(), BasicGetOptions::default()).await.expect(queue))
            .await
    }

    /// Takes the next message and refuses it: it goes to the queue's dead-letter exchange, or back with `requeue`.
    #[expect(clippy::disallowed_methods, reason = "a foreign client")]
    pub async fn refuse(&self, queue: &str, requeue: bool) {
        let message = self.take(queue).await;
        let options = BasicNackOptions { multiple: false, requeue };
        message.acker.nack(options).await.expect("refused");
    }
}
