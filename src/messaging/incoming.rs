//! A delivery, read: who sent it, which attempt it is, where it first came from.

use std::time::{Duration, SystemTime};

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use uuid::Uuid;

use crate::contract::headers;
use crate::domain::stable_uuid;

/// One message as a handler sees it.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The sender's id if it is a UUID. Any other id says too little (many clients count from 1, or leave it empty), so it is
    /// derived from all that makes the message what it is: id, body, and who waits for which answer.
    pub message_id: Uuid,
    pub exchange: String,
    pub routing_key: String,
    /// Boxed: they are large, and a message changes hands often.
    pub properties: Box<BasicProperties>,
    pub body: Vec<u8>,
}

impl Incoming {
    pub fn read(exchange: &str, routing_key: &str, properties: BasicProperties, body: Vec<u8>) -> Self {
        let given = properties.message_id().as_ref().map(|id| id.as_str());
        let message_id = given.and_then(|id| Uuid::parse_str(id).ok()).unwrap_or_else(|| derived(&properties, &body));
        Self {
            message_id,
            exchange: exchange.to_owned(),
            routing_key: routing_key.to_owned(),
            properties: Box::new(properties),
            body,
        }
    }

    /// 1 on the first delivery.
    pub fn attempt(&self) -> u32 {
        self.number(headers::ATTEMPT).unwrap_or(1).max(1)
    }

    /// How often an operator has replayed it.
    pub fn replays(&self) -> u32 {
        self.number(headers::REPLAYS).unwrap_or(0)
    }

    /// Whether it is given up at its first failure: an operator who replays it waits for how it ends.
    pub fn is_single_attempt(&self) -> bool {
        self.header(headers::SINGLE_ATTEMPT).is_some()
    }

    /// How long it has waited for its first attempt, if its sender says when it was published (AMQP `timestamp`, whole seconds).
    /// A later attempt, a replay or a message that was put off has waited on purpose. A time to come says nothing: some clients write milliseconds.
    pub fn waited(&self) -> Option<Duration> {
        let is_first = self.attempt() == 1 && self.replays() == 0 && self.header(headers::FIRST_FAILED_AT).is_none();
        let published = (*self.properties.timestamp()).filter(|_| is_first)?;
        let published = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(published))?;
        SystemTime::now().duration_since(published).ok()
    }

    pub fn kind(&self) -> Option<&str> {
        self.properties.kind().as_ref().map(|kind| kind.as_str())
    }

    pub fn correlation_id(&self) -> Option<&str> {
        self.properties.correlation_id().as_ref().map(|id| id.as_str())
    }

    pub fn reply_to(&self) -> Option<&str> {
        self.properties.reply_to().as_ref().map(|queue| queue.as_str()).filter(|queue| !queue.is_empty())
    }

    /// Exchange and routing key of the first delivery, before any retry queue.
    pub fn origin(&self) -> (String, String) {
        match (self.text(headers::ORIGIN_EXCHANGE), self.text(headers::ORIGIN_ROUTING_KEY)) {
            (Some(exchange), Some(routing_key)) => (exchange, routing_key),
            (Some(_), None) | (None, Some(_)) | (None, None) => (self.exchange.clone(), self.routing_key.clone()),
        }
    }

    /// A header as text, whatever text type the sender chose.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.header(name)? {
            AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
            AMQPValue::ShortString(text) => Some(text.to_string()),
            _ => None,
        }
    }

    fn number(&self, name: &str) -> Option<u32> {
        let value = self.header(name)?;
        match value {
            AMQPValue::LongString(_) | AMQPValue::ShortString(_) => self.text(name)?.parse().ok(),
            _ => whole(value).and_then(|number| u32::try_from(number).ok()),
        }
    }

    fn header(&self, name: &str) -> Option<&AMQPValue> {
        self.properties.headers().as_ref()?.inner().get(name)
    }

    /// The headers without those that the broker writes itself.
    pub fn own_headers(&self) -> FieldTable {
        let mut own = FieldTable::default();
        if let Some(all) = self.properties.headers() {
            for (name, value) in all.inner().iter().filter(|(name, _)| !headers::is_the_brokers(name.as_str())) {
                own.insert(name.clone(), value.clone());
            }
        }
        own
    }
}

fn derived(properties: &BasicProperties, body: &[u8]) -> Uuid {
    let parts = [properties.message_id(), properties.reply_to(), properties.correlation_id()];
    // A short text has at most 255 bytes, so its length in one byte keeps the parts apart.
    let mut bytes = Vec::with_capacity(body.len() + 64);
    for part in parts {
        let text = part.as_ref().map_or("", |text| text.as_str());
        bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.extend_from_slice(body);
    stable_uuid(&bytes)
}

/// A whole number of any of AMQP's integer widths.
pub(super) fn whole(value: &AMQPValue) -> Option<i64> {
    match value {
        AMQPValue::ShortShortInt(n) => Some(i64::from(*n)),
        AMQPValue::ShortShortUInt(n) => Some(i64::from(*n)),
        AMQPValue::ShortInt(n) => Some(i64::from(*n)),
        AMQPValue::ShortUInt(n) => Some(i64::from(*n)),
        AMQPValue::LongInt(n) => Some(i64::from(*n)),
        AMQPValue::LongUInt(n) => Some(i64::from(*n)),
        AMQPValue::LongLongInt(n) => Some(*n),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(properties: BasicProperties) -> Incoming {
        Incoming::read("orders", "process", properties, b"{}".to_vec())
    }

    #[test]
    fn a_message_without_a_usable_id_gets_the_same_one_every_time() {
        let named = || incoming(BasicProperties::default().with_message_id("order-17".into())).message_id;
        assert_eq!(named(), named());
        assert_ne!(named(), incoming(BasicProperties::default()).message_id);
    }

    #[test]
    fn two_messages_of_a_client_that_counts_from_one_again_are_two_messages() {
        for id in ["1", ""] {
            let read = |body: &[u8]| {
                let properties = BasicProperties::default().with_message_id(id.into());
                Incoming::read("orders", "process", properties, body.to_vec()).message_id
            };
            assert_ne!(read(b"one"), read(b"two"));
        }
    }

    #[test]
    fn the_same_question_asked_again_is_another_message_because_it_wants_another_answer() {
        let asked = |reply_to: &str, correlation_id: &str| {
            let properties = BasicProperties::default().with_reply_to(reply_to.into());
            incoming(properties.with_correlation_id(correlation_id.into())).message_id
        };
        assert_eq!(asked("a", "1"), asked("a", "1"));
        assert_ne!(asked("a", "1"), asked("a", "2"));
        assert_ne!(asked("a", "1"), asked("b", "1"));
    }

    #[test]
    fn attempts_are_read_from_any_integer_or_text() {
        for value in [AMQPValue::LongInt(3), AMQPValue::LongLongInt(3), AMQPValue::LongString("3".into())] {
            let mut table = FieldTable::default();
            table.insert(headers::ATTEMPT.into(), value);
            table.insert("x-death".into(), AMQPValue::LongInt(9));
            let message = incoming(BasicProperties::default().with_headers(table));
            assert_eq!(message.attempt(), 3);
            assert!(!message.own_headers().contains_key("x-death"));
        }
        assert_eq!(incoming(BasicProperties::default()).attempt(), 1);
    }

    #[test]
    fn only_the_first_attempt_of_a_message_with_a_believable_time_has_waited() {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
        let at = |timestamp| BasicProperties::default().with_timestamp(timestamp);
        let waited = incoming(at(now - 90)).waited().expect("known");
        assert!((90..100).contains(&waited.as_secs()), "{waited:?}");
        assert_eq!(incoming(BasicProperties::default()).waited(), None);
        assert_eq!(incoming(at(now * 1000)).waited(), None);
        assert_eq!(incoming(at(u64::MAX)).waited(), None);
        let mut again = FieldTable::default();
        again.insert(headers::ATTEMPT.into(), AMQPValue::LongInt(2));
        assert_eq!(incoming(at(now - 90).with_headers(again)).waited(), None);
    }
}
