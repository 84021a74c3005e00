//! A message that is to be published, complete and independent of any broker connection.
//!
//! Handlers return these; the inbox keeps them until the publish is known to have happened; the outbox stores them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::domain::Priority;

/// AMQP priority of messages about orders with high priority: of the upper half, which quorum queues prefer.
const HIGH: u8 = 9;

fn is_zero(priority: &u8) -> bool {
    *priority == 0
}

/// What to do when the broker knows no queue for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unroutable {
    /// The topology is broken: keep the message and try again until it is repaired.
    #[default]
    Keep,
    /// An answer to a requester that is gone: nobody waits for it any more.
    Drop,
}

/// AMQP `type` of several messages that travel as one between the fleet's own services: a JSON array of [`Outgoing`].
pub const BUNDLE: &str = "fleet.bundle";

/// One message to publish: persistent, mandatory, confirmed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outgoing {
    /// Stable over every re-publish: consumers recognise a repetition by it.
    pub message_id: Uuid,
    /// AMQP exchange; empty means the default exchange.
    pub exchange: String,
    pub routing_key: String,
    /// AMQP `type`: what the body is.
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub unroutable: Unroutable,
    /// AMQP `priority`: quorum queues look at it from RabbitMQ 4.0 on, where 5 and above overtakes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: u8,
    /// The body: JSON text.
    pub body: Box<RawValue>,
}

impl Outgoing {
    /// # Errors
    /// When `body` cannot be written as JSON (a map with keys that are no strings).
    pub fn json<T: Serialize>(
        message_id: Uuid,
        exchange: &str,
        routing_key: &str,
        kind: &str,
        body: &T,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self {
            message_id,
            exchange: exchange.to_owned(),
            routing_key: routing_key.to_owned(),
            kind: kind.to_owned(),
            correlation_id: None,
            reply_to: None,
            headers: BTreeMap::new(),
            unroutable: Unroutable::Keep,
            priority: 0,
            body: serde_json::value::to_raw_value(body)?,
        })
    }

    #[must_use]
    pub fn correlated(mut self, correlation_id: Option<&str>) -> Self {
        self.correlation_id = correlation_id.map(str::to_owned);
        self
    }

    #[must_use]
    pub fn replying_to(mut self, queue: &str) -> Self {
        self.reply_to = Some(queue.to_owned());
        self
    }

    /// As urgent as its order.
    #[must_use]
    pub fn urgent_as(mut self, priority: Priority) -> Self {
        self.priority = match priority {
            Priority::Normal => 0,
            Priority::High => HIGH,
        };
        self
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }
}
