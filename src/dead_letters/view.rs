//! One dead letter for programs: everything that is known of it, with personal data hidden unless it may be seen. What the command line
//! prints with `--json` and the API answers.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::case::Case;
use super::consumers::Verdict;
use super::mask::{mask_json, mask_text};
use super::way_back::{Way, way_back};
use crate::store::dead_letters::{DeadLetter, Death, Edit, Group, Summary};
use crate::store::order_queries::OrderDetails;

/// Everything about one dead letter.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetterCase)]
pub struct View {
    #[serde(flatten)]
    pub letter: Summary,
    /// Where a replay would send it; `null` when nobody can tell where it came from.
    pub replay_to: Option<Way>,
    #[schema(value_type = Object)]
    pub properties: Map<String, Value>,
    #[schema(value_type = Object)]
    pub headers: Map<String, Value>,
    /// The broker's `x-death`: where it travelled, the latest first.
    #[schema(value_type = Vec<Object>)]
    pub deaths: Value,
    /// Why it failed each time, the oldest first.
    pub failures_one_by_one: Vec<Death>,
    /// Repairs so far, the oldest first.
    pub edits: Vec<Edit>,
    pub group: Option<Group>,
    /// How many of its group died in that minute, itself included.
    pub died_together: i32,
    /// Where its order stands, and how it came there.
    pub order: Option<OrderDetails>,
    /// What would happen: its consumer's own code, in a transaction that was rolled back.
    pub if_replayed_now: Verdict,
    pub payload_bytes: usize,
    /// The body where it is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// The body where it is another text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_text: Option<String>,
    /// The body where it is no text, for those who may see personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_hex: Option<String>,
}

/// The body as far as it can be read.
pub enum Payload {
    Json(Value),
    Text(String),
    Binary,
}

impl Payload {
    /// Without personal data, unless `reveal`.
    pub fn read(bytes: &[u8], reveal: bool) -> Self {
        match (serde_json::from_slice(bytes), std::str::from_utf8(bytes)) {
            (Ok(mut value), _) => {
                if !reveal {
                    mask_json(&mut value);
                }
                Self::Json(value)
            }
            (Err(_), Ok(text)) if reveal => Self::Text(text.to_owned()),
            (Err(_), Ok(text)) => Self::Text(mask_text(text)),
            (Err(_), Err(_)) => Self::Binary,
        }
    }
}

/// A case as a [`View`] in JSON; personal data is hidden unless `reveal`.
///
/// # Errors
/// Never for what we store; the type is the writer's.
pub fn view(case: Case, reveal: bool) -> serde_json::Result<Value> {
    let Case { letter, deaths: died, edits, group, died_together, order, verdict } = case;
    let DeadLetter { summary, headers, properties, deaths, payload: bytes } = letter;
    let (mut payload, mut payload_text, mut payload_hex) = (None, None, None);
    match Payload::read(&bytes, reveal) {
        Payload::Json(value) => payload = Some(value),
        Payload::Text(text) => payload_text = Some(text),
        Payload::Binary if reveal => payload_hex = Some(hex(&bytes)),
        Payload::Binary => {}
    }
    let mut page = serde_json::to_value(View {
        replay_to: way_back(&summary),
        letter: summary,
        properties,
        headers,
        deaths,
        failures_one_by_one: died,
        edits,
        group,
        died_together,
        order,
        if_replayed_now: verdict,
        payload_bytes: bytes.len(),
        payload,
        payload_text,
        payload_hex,
    })?;
    if !reveal {
        mask_json(&mut page);
    }
    Ok(page)
}

/// Two digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // writing to a string cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}
