//! The channels: one per exchange, by which strangers publish and subscribe, and one per queue.

use serde_json::{Map, Value, json};

use super::messages::{self, Message};
use super::{names, reference};
use crate::topology::{Argument, Exchange, Queue, Topology, WorkQueue};

pub(super) struct Channel {
    /// Its key in the document.
    pub name: String,
    /// Routing key or queue; nothing where any will do.
    address: Option<String>,
    description: String,
    pub messages: Vec<Message>,
    bindings: Value,
    /// What AsyncAPI has no words for.
    extra: Map<String, Value>,
}

pub(super) fn of(topology: &Topology) -> Vec<Channel> {
    let exchanges = topology.exchanges.iter().map(|exchange| of_exchange(topology, exchange));
    exchanges.chain(topology.queues.iter().map(of_queue)).collect()
}

/// The key of an exchange: a queue may have the same name.
pub(super) fn exchange_key(exchange: &str) -> String {
    format!("exchange.{exchange}")
}

fn of_exchange(topology: &Topology, exchange: &Exchange) -> Channel {
    let bound: Vec<_> = topology.bindings.iter().filter(|binding| binding.exchange == exchange.name).collect();
    let address = match exchange.kind {
        "direct" => bound.first().map(|binding| binding.routing_key.to_owned()),
        "topic" => Some("{event}".to_owned()),
        _ => None,
    };
    let messages = match exchange.name {
        names::ORDERS => messages::orders(),
        names::EVENTS => messages::events(),
        names::NOTIFICATIONS => messages::notifications(),
        _ => vec![messages::dead_letter()],
    };
    let queues: Vec<&str> = bound.iter().map(|binding| binding.queue).collect();
    let mut extra = Map::new();
    if exchange.kind == "topic" {
        let events: Vec<&str> = messages.iter().map(|message| message.name.as_str()).collect();
        extra.insert(
            "parameters".to_owned(),
            json!({"event": {"description": "The routing key, which is also the `type`.", "enum": events}}),
        );
    }
    Channel {
        name: exchange_key(exchange.name),
        address,
        description: format!("The {} exchange `{}`; leads to {}.", exchange.kind, exchange.name, queues.join(", ")),
        messages,
        bindings: json!({
            "is": "routingKey",
            "exchange": {"name": exchange.name, "type": exchange.kind, "durable": true, "autoDelete": false, "vhost": "/"},
            "bindingVersion": "0.3.0",
        }),
        extra,
    }
}

fn of_queue(queue: &Queue) -> Channel {
    let work = WorkQueue::ALL
        .into_iter()
        .find(|work| queue.name == work.name() || work.ladder().any(|rung| queue.name == rung));
    let messages = match work {
        Some(work) => messages::of_queue(work),
        None => vec![messages::dead_letter()],
    };
    let home = work.filter(|work| queue.name != work.name()).map(|work| format!(" Leads back to `{}`.", work.name()));
    let arguments: Map<String, Value> =
        queue.arguments.iter().map(|(name, value)| ((*name).to_owned(), argument(value))).collect();
    Channel {
        name: queue.name.clone(),
        address: Some(queue.name.clone()),
        description: format!("For: {}.{}", queue.purpose, home.unwrap_or_default()),
        messages,
        bindings: json!({
            "is": "queue",
            "queue": {"name": queue.name, "durable": true, "exclusive": false, "autoDelete": false, "vhost": "/"},
            "bindingVersion": "0.3.0",
        }),
        extra: Map::from_iter([("x-arguments".to_owned(), Value::Object(arguments))]),
    }
}

fn argument(value: &Argument) -> Value {
    match value {
        Argument::Text(text) => json!(text),
        Argument::Number(number) => json!(number),
    }
}

impl Channel {
    pub(super) fn json(&self) -> Value {
        let messages = self.messages.iter();
        let messages: Map<String, Value> = messages
            .map(|message| (message.name.clone(), reference(&["components", "messages", &message.name])))
            .collect();
        let mut channel = Map::from_iter([
            ("address".to_owned(), json!(self.address)),
            ("description".to_owned(), json!(self.description)),
            ("messages".to_owned(), Value::Object(messages)),
            ("bindings".to_owned(), json!({"amqp": self.bindings})),
        ]);
        channel.extend(self.extra.clone());
        Value::Object(channel)
    }

    /// Some of its messages, as an operation names them.
    pub(super) fn references(&self, wanted: impl Fn(&str) -> bool) -> Vec<Value> {
        let names = self.messages.iter().map(|message| message.name.as_str()).filter(|name| wanted(name));
        names.map(|name| reference(&["channels", &self.name, "messages", name])).collect()
    }
}
