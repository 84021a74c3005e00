//! The message that asks for one delivery to one endpoint, and what the partner gets.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Outgoing;

/// AMQP `type` of [`Deliver`].
pub const DELIVER: &str = "webhook.deliver";

/// One delivery is to be made. Address, secret and event are looked up when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deliver {
    pub delivery_id: Uuid,
    /// A person asked for it: it is made although it was made before, and whatever the breaker says.
    #[serde(default)]
    pub forced: bool,
}

impl Deliver {
    /// # Errors
    /// Never for this type; the error is the writer's.
    pub fn outgoing(&self, message_id: Uuid, queue: &str) -> Result<Outgoing, serde_json::Error> {
        Outgoing::json(message_id, "", queue, DELIVER, self)
    }
}

/// Body of a webhook, as Standard Webhooks recommends it.
#[derive(Debug, Serialize)]
pub struct Payload<'a> {
    #[serde(rename = "type")]
    pub event_type: &'a str,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub timestamp: OffsetDateTime,
    /// The event's body as it is on `events`.
    pub data: &'a RawValue,
}

/// Body of the event `webhook.disabled`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookDisabled {
    pub endpoint_id: Uuid,
    /// What people call it.
    pub description: String,
    pub reason: String,
    /// Failed attempts in a row.
    pub failures: i32,
    #[serde(with = "time::serde::rfc3339::option")]
    pub failing_since: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    pub occurred_at: OffsetDateTime,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_of_an_older_version_is_read() {
        let id = Uuid::nil();
        let read: Deliver = serde_json::from_value(json!({"delivery_id": id, "new": 1})).expect("read");
        assert_eq!(read, Deliver { delivery_id: id, forced: false });
    }
}
