//! What a partner gets: type, time and the event's own body.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use time::OffsetDateTime;

use crate::contract::read_moment;
use crate::contract::webhook::Payload;
use crate::domain::webhook::PING;
use crate::messaging::Failure;
use crate::store::webhook_deliveries::Assignment;

#[derive(Deserialize)]
struct Occurred<'a> {
    #[serde(borrow)]
    occurred_at: Option<std::borrow::Cow<'a, str>>,
}

/// The same in every attempt.
///
/// # Errors
/// When the event is no longer kept.
pub fn body(assignment: &Assignment) -> Result<String, Failure> {
    let (data, timestamp) = match (&assignment.event, assignment.event_type.as_str()) {
        (_, PING) => {
            let data = to_raw_value(&json!({"endpoint_id": assignment.endpoint}));
            (data.map_err(|error| Failure::Refused(error.to_string()))?, assignment.created_at)
        }
        (Some((body, recorded_at)), _) => {
            let data = RawValue::from_string(body.clone()).map_err(|error| Failure::Refused(error.to_string()))?;
            (data, occurred_at(body).unwrap_or(*recorded_at))
        }
        (None, _) => return Err(Failure::Refused("the event is no longer kept".to_owned())),
    };
    let payload = Payload { event_type: &assignment.event_type, timestamp, data: &data };
    serde_json::to_string(&payload).map_err(|error| Failure::Refused(error.to_string()))
}

fn occurred_at(body: &str) -> Option<OffsetDateTime> {
    let Occurred { occurred_at } = serde_json::from_str(body).ok()?;
    read_moment(&occurred_at?).ok()
}
