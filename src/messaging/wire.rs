//! A message in AMQP's own terms, ready to be written to a channel.

use std::time::SystemTime;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::Map;
use uuid::Uuid;

use super::recorded::{Recorded, record, restore};
use crate::contract::{Outgoing, Unroutable};

/// Persistent, as AMQP 0-9-1 numbers it. Quorum queues persist anyway, but a dead-lettered copy keeps the mode it came with.
const PERSISTENT: u8 = 2;
/// The broker's name of the pseudo-queue for direct replies.
const DIRECT_REPLY_TO: &str = "amq.rabbitmq.reply-to";

/// One message to publish.
#[derive(Clone, Debug)]
pub struct Wire {
    pub message_id: Uuid,
    pub exchange: String,
    pub routing_key: String,
    pub properties: BasicProperties,
    pub body: Vec<u8>,
    pub unroutable: Unroutable,
}

impl Wire {
    /// Brokers before 4.2 return a mandatory direct reply although they deliver it.
    pub fn is_mandatory(&self) -> bool {
        !(self.exchange.is_empty() && self.routing_key.starts_with(DIRECT_REPLY_TO))
    }
}

impl Wire {
    /// A recorded message once more, with the same id, body and properties.
    pub fn again(message_id: Uuid, exchange: String, routing_key: String, recorded: &Recorded, body: Vec<u8>) -> Self {
        let properties = fit(restore(recorded), message_id);
        Self { message_id, exchange, routing_key, properties, body, unroutable: Unroutable::Keep }
    }
}

impl From<&Outgoing> for Wire {
    fn from(message: &Outgoing) -> Self {
        let mut headers = FieldTable::default();
        for (name, value) in &message.headers {
            headers.insert(name.as_str().into(), AMQPValue::LongString(value.as_str().into()));
        }
        let mut properties = stamped(message.message_id, &message.kind).with_headers(headers);
        if message.priority > 0 {
            properties = properties.with_priority(message.priority);
        }
        if let Some(correlation_id) = &message.correlation_id {
            properties = properties.with_correlation_id(correlation_id.as_str().into());
        }
        if let Some(reply_to) = &message.reply_to {
            properties = properties.with_reply_to(reply_to.as_str().into());
        }
        Self {
            message_id: message.message_id,
            exchange: message.exchange.clone(),
            routing_key: message.routing_key.clone(),
            properties,
            body: message.body.get().as_bytes().to_vec(),
            unroutable: message.unroutable,
        }
    }
}

/// What every message of ours has: persistent JSON of some kind under an id, and the time, which tells whoever takes it how long it
/// has waited.
pub(super) fn stamped(message_id: Uuid, kind: &str) -> BasicProperties {
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_message_id(message_id.to_string().into())
        .with_type(kind.into());
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(now) => properties.with_timestamp(now.as_secs()),
        Err(_) => properties,
    }
}

/// Makes a foreign message fit to be published again: persistent, with an id, without what only its sender may say.
pub fn republishable(properties: &BasicProperties, message_id: Uuid) -> BasicProperties {
    fit(restore(&Recorded { properties: record(properties).properties, headers: Map::new() }), message_id)
}

fn fit(properties: BasicProperties, message_id: Uuid) -> BasicProperties {
    let properties = properties.with_delivery_mode(PERSISTENT);
    match properties.message_id() {
        Some(_) => properties,
        None => properties.with_message_id(message_id.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_never_expires_and_never_claims_another_user() {
        let original =
            BasicProperties::default().with_expiration("10".into()).with_user_id("pika".into()).with_priority(1);
        let copy = republishable(&original, Uuid::nil());
        assert_eq!((copy.expiration(), copy.user_id(), copy.priority()), (&None, &None, &Some(1)));
        assert_eq!(copy.message_id().as_ref().map(|id| id.as_str()), Some("00000000-0000-0000-0000-000000000000"));
    }
}
