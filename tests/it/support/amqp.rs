//! A plain AMQP client, as any other program would be: it publishes whatever bytes and properties it likes, and reads queues.

use futures_util::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, BasicNackOptions, BasicPublishOptions, ConfirmSelectOptions,
    QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};
use serde_json::Value;
use tokio::time::timeout;

use super::waiting::{DEADLINE, eventually};

/// The broker's own name of a requester's pseudo-queue.
pub const DIRECT_REPLY_TO: &str = "amq.rabbitmq.reply-to";

pub struct Client {
    connection: Connection,
    pub channel: Channel,
}

/// A message as it was found in a queue.
#[derive(Clone, Debug)]
pub struct Found {
    pub exchange: String,
    pub routing_key: String,
    pub properties: BasicProperties,
    pub body: Vec<u8>,
}

impl Found {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// A header that is text.
    pub fn header(&self, name: &str) -> Option<String> {
        match self.properties.headers().as_ref()?.inner().get(name)? {
            AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
            _ => None,
        }
    }

    pub fn message_id(&self) -> Option<String> {
        self.properties.message_id().as_ref().map(ToString::to_string)
    }

    pub fn correlation_id(&self) -> Option<String> {
        self.properties.correlation_id().as_ref().map(ToString::to_string)
    }
}

impl Client {
    pub async fn connect(url: &str) -> Self {
        let properties = ConnectionProperties::default().with_connection_name("another client".into());
        let connection = Connection::connect(url, properties).await.expect("connects");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        Self { connection, channel }
    }

    /// Publishes and waits until the broker has it; it must be routable.
    #[expect(clippy::disallowed_methods, reason = "another client of the broker, not the fleet's publisher")]
    pub async fn publish(&self, exchange: &str, key: &str, properties: BasicProperties, body: &[u8]) {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let publish = self.channel.basic_publish(exchange.into(), key.into(), options, body, properties).await;
        let confirmed = publish.expect("written").await.expect("answered");
        assert!(matches!(confirmed, Confirmation::Ack(None)), "{key}: {confirmed:?}");
    }

    pub async fn publish_json(&self, exchange: &str, key: &str, properties: BasicProperties, body: &Value) {
        self.publish(exchange, key, properties, body.to_string().as_bytes()).await;
    }

    /// Takes the oldest message out of a queue.
    pub async fn get(&self, queue: &str) -> Option<Found> {
        let options = BasicGetOptions { no_ack: true };
        let got =
            self.channel.basic_get(queue.into(), options).await.unwrap_or_else(|error| panic!("{queue}: {error}"));
        got.map(|message| Found {
            exchange: message.delivery.exchange.to_string(),
            routing_key: message.delivery.routing_key.to_string(),
            properties: message.delivery.properties,
            body: message.delivery.data,
        })
    }

    /// Waits for a message in a queue and refuses it: it goes to the queue's dead-letter exchange. Answers its id.
    #[expect(clippy::disallowed_methods, reason = "a consumer that fails")]
    pub async fn refuse(&self, queue: &str) -> Option<String> {
        let options = BasicGetOptions { no_ack: false };
        let step = format!("a message in {queue}");
        let got = eventually(&step, async || self.channel.basic_get(queue.into(), options).await.expect(queue)).await;
        let id = got.properties.message_id().as_ref().map(ToString::to_string);
        got.acker.nack(BasicNackOptions { multiple: false, requeue: false }).await.expect("refused");
        id
    }

    /// Waits for a message in a queue and takes it out.
    pub async fn next(&self, queue: &str) -> Found {
        eventually(&format!("a message in {queue}"), async || self.get(queue).await).await
    }

    /// Takes everything out of a queue.
    pub async fn drain(&self, queue: &str) -> Vec<Found> {
        let mut all = Vec::new();
        while let Some(found) = self.get(queue).await {
            all.push(found);
        }
        all
    }

    /// Messages that are ready in a queue.
    pub async fn depth(&self, queue: &str) -> u32 {
        self.declared(queue).await.message_count()
    }

    pub async fn consumers(&self, queue: &str) -> u32 {
        self.declared(queue).await.consumer_count()
    }

    async fn declared(&self, queue: &str) -> lapin::Queue {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
        let declared = self.channel.queue_declare(queue.into(), options, FieldTable::default()).await;
        declared.unwrap_or_else(|error| panic!("{queue}: {error}"))
    }

    pub async fn purge(&self, queue: &str) {
        self.channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await.expect("purged");
    }

    /// A queue of this client alone, bound to an exchange unless that is empty. Returns its name.
    pub async fn own_queue(&self, exchange: &str, key: &str) -> String {
        let declare = self.channel.queue_declare("".into(), QueueDeclareOptions::exclusive(), FieldTable::default());
        let name = declare.await.expect("declared").name().to_string();
        if !exchange.is_empty() {
            let (queue, exchange) = (name.as_str().into(), exchange.into());
            let bind = self.channel.queue_bind(
                queue,
                exchange,
                key.into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            );
            bind.await.expect("bound");
        }
        name
    }

    pub async fn declare_queue(&self, name: &str, arguments: FieldTable) {
        let declare = self.channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments);
        declare.await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    pub async fn delete_queue(&self, name: &str) {
        self.channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.expect("deleted");
    }

    /// Replies to this client without any queue (direct reply-to); publish the requests by this same client.
    pub async fn direct_replies(&self) -> Replies {
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let consume = self.channel.basic_consume(DIRECT_REPLY_TO.into(), "".into(), options, FieldTable::default());
        Replies(consume.await.expect("consumes"))
    }

    pub async fn close(self) {
        self.connection.close(200, "done".into()).await.expect("closed");
    }
}

pub struct Replies(Consumer);

impl Replies {
    pub async fn next(&mut self) -> Found {
        let delivery =
            timeout(DEADLINE, self.0.next()).await.expect("a reply in time").expect("open").expect("a reply");
        Found {
            exchange: delivery.exchange.to_string(),
            routing_key: delivery.routing_key.to_string(),
            properties: delivery.properties,
            body: delivery.data,
        }
    }
}

/// Properties with a message id, as a well-behaved client sets them.
pub fn identified(message_id: &str) -> BasicProperties {
    BasicProperties::default()
        .with_message_id(message_id.into())
        .with_delivery_mode(2)
        .with_content_type("application/json".into())
}
