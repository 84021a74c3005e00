//! A virtual host per test on the broker of `AMQP_URL`, with the fleet's topology, deleted at the end whatever the outcome; and a
//! foreign AMQP client that does what it likes there.

use std::time::Duration;

use lapin::message::BasicGetMessage;
use lapin::options::{
    BasicGetOptions, BasicNackOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use order_fleet::config::BrokerArgs;
use order_fleet::messaging::Broker;
use order_fleet::topology::{QueueType, Topology, TopologyArgs, apply};
use reqwest::{Client, Method, Url};
use serde_json::{Value, json};

use super::eventually;

/// Dropping it deletes the virtual host.
pub struct TestBroker {
    management: Url,
    vhost: String,
    pub url: String,
    /// The foreign client's.
    pub channel: Channel,
    _connection: Connection,
}

impl TestBroker {
    pub async fn create() -> Self {
        let vhost = format!("fleet_test/{}", uuid::Uuid::new_v4().simple());
        let management = address("AMQP_MANAGEMENT_URL");
        call(&management, Method::PUT, &["vhosts", &vhost], json!({})).await;
        let user = management.username().to_owned();
        let everything = json!({"configure": ".*", "write": ".*", "read": ".*"});
        call(&management, Method::PUT, &["permissions", &vhost, &user], everything).await;
        let mut url = address("AMQP_URL");
        // a segment, so that the slash in the name is encoded
        url.path_segments_mut().expect("an address with a path").clear().push(&vhost);
        let connection =
            Connection::connect(url.as_str(), ConnectionProperties::default()).await.expect("AMQP_URL answers");
        let delays = [100, 100, 100].map(Duration::from_millis);
        let topology = Topology::new(&TopologyArgs { queue_type: QueueType::Quorum, retry_delays: delays });
        apply(&connection, &topology).await.expect("the topology");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        Self { management, vhost, url: url.to_string(), channel, _connection: connection }
    }

    /// Access as the fleet has it.
    pub fn broker(&self, name: &str) -> Broker {
        Broker::new(&BrokerArgs { amqp_url: self.url.clone() }, name).expect("a broker")
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
        let channel = &self.channel;
        let declared = channel.exchange_declare(exchange.into(), ExchangeKind::Topic, durable, FieldTable::default());
        declared.await.expect("an exchange");
        channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments).await.expect("a queue");
        let bind = QueueBindOptions::default();
        let bound = channel.queue_bind(queue.into(), exchange.into(), "#".into(), bind, FieldTable::default());
        bound.await.expect("a binding");
    }

    /// Publishes and waits for the confirm.
    #[expect(clippy::disallowed_methods, reason = "a foreign client")]
    pub async fn publish(&self, exchange: &str, routing_key: &str, properties: BasicProperties, body: &[u8]) {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let sent = self.channel.basic_publish(exchange.into(), routing_key.into(), options, body, properties).await;
        let confirm = sent.expect("published").await.expect("confirmed");
        assert!(matches!(confirm, lapin::Confirmation::Ack(None)), "{exchange} {routing_key}: {confirm:?}");
    }

    /// Messages that wait in the queue and that nobody has taken.
    pub async fn depth(&self, queue: &str) -> u32 {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
        let found = self.channel.queue_declare(queue.into(), options, FieldTable::default());
        found.await.unwrap_or_else(|error| panic!("{queue}: {error}")).message_count()
    }

    pub async fn wait_for_depth(&self, queue: &str, depth: u32) {
        let step = format!("{depth} messages in {queue}");
        eventually(&step, async || (self.depth(queue).await == depth).then_some(())).await;
    }

    /// Takes the next message and leaves it unsettled.
    pub async fn take(&self, queue: &str) -> BasicGetMessage {
        let step = format!("a message in {queue}");
        eventually(&step, async || self.channel.basic_get(queue.into(), BasicGetOptions::default()).await.expect(queue))
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

impl Drop for TestBroker {
    fn drop(&mut self) {
        let (management, vhost) = (self.management.clone(), self.vhost.clone());
        // the test's own runtime may be ending: a thread with a small one of its own deletes the virtual host
        let deleting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(call(&management, Method::DELETE, &["vhosts", &vhost], Value::Null));
        });
        let deleted = deleting.join();
        if !std::thread::panicking() {
            deleted.expect("the virtual host is deleted");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "tests have no command line")]
fn address(name: &str) -> Url {
    let Ok(text) = std::env::var(name) else {
        panic!("{name} is not set: run the tests by `./dev test`, which starts a RabbitMQ and sets it");
    };
    Url::parse(&text).unwrap_or_else(|error| panic!("{name} is no address: {error}"))
}

/// One call of RabbitMQ's management API.
async fn call(management: &Url, method: Method, path: &[&str], body: Value) {
    let mut url = management.clone();
    url.path_segments_mut().expect("an address with a path").clear().push("api").extend(path);
    let client = Client::builder().no_proxy().build().expect("a client");
    // the client takes user and password from the address
    let answer = client.request(method.clone(), url).json(&body).send().await;
    let answer = answer.expect("the management API answers");
    assert!(answer.status().is_success(), "{method} {path:?}: {}", answer.status());
}
