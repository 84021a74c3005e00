//! Reads the bodies of `/api/v1/webhooks`.

use serde_json::Value;
use time::OffsetDateTime;

use super::super::cursor;
use super::super::json_body::JsonBody;
use super::super::problem::Problem;
use crate::contract::{Fields, read_moment};
use crate::domain::CustomerId;
use crate::domain::webhook::{EventPattern, Interest, MAX_PATTERNS};
use crate::ports::webhooks::{AddressRules, EndpointUrl};
use crate::store::webhook_log::Position;
use crate::store::webhooks::EndpointChange;

/// Longest description in characters.
const MAX_DESCRIPTION: usize = 255;
/// How long an old secret may sign beside the new one: as long as a partner may need, thirty days.
const MAX_OVERLAP: i64 = 30 * 86_400;
const OVERLAP: i64 = 86_400;

/// An endpoint as a client wants it.
pub(super) struct Wanted {
    pub url: EndpointUrl,
    pub description: String,
    pub interest: Interest,
}

pub(super) fn new(body: &JsonBody, rules: AddressRules) -> Result<Wanted, Problem> {
    let mut fields = Fields::new(&body.object, "");
    let url = fields.text("url", |text| EndpointUrl::parse(text, rules));
    let event_types = patterns(&mut fields);
    let description = fields.optional_text("description", description);
    let customer_id = fields.optional_text("customer_id", |text| CustomerId::parse(text));
    let errors = fields.faults();
    match (url, event_types) {
        (Some(url), Some(event_types)) if errors.is_empty() => {
            let interest = Interest { event_types, customer_id };
            Ok(Wanted { url, description: description.unwrap_or_default(), interest })
        }
        _ => Err(Problem::validation(errors)),
    }
}

pub(super) fn change(body: &JsonBody, rules: AddressRules) -> Result<EndpointChange, Problem> {
    let mut fields = Fields::new(&body.object, "");
    let url = fields.optional_text("url", |text| EndpointUrl::parse(text, rules));
    let event_types = match body.object.get("event_types") {
        None | Some(Value::Null) => {
            fields.value("event_types");
            None
        }
        Some(_) => patterns(&mut fields),
    };
    let description = fields.optional_text("description", description);
    let customer_id = fields.optional_text("customer_id", |text| CustomerId::parse(text));
    let customer_id = match body.object.get("customer_id") {
        Some(Value::Null) => Some(None),
        Some(_) | None => customer_id.map(Some),
    };
    let errors = fields.faults();
    match errors.is_empty() {
        true => {
            Ok(EndpointChange { url: url.map(|url| url.as_str().to_owned()), description, event_types, customer_id })
        }
        false => Err(Problem::validation(errors)),
    }
}

/// For how many seconds the old secret signs beside the new one.
pub(super) fn overlap(body: &JsonBody) -> Result<i64, Problem> {
    let mut fields = Fields::new(&body.object, "");
    let overlap = match fields.value("overlap_seconds") {
        None => Some(OVERLAP),
        Some(_) => fields.whole("overlap_seconds", 0, MAX_OVERLAP),
    };
    let errors = fields.faults();
    overlap.filter(|_| errors.is_empty()).ok_or_else(|| Problem::validation(errors))
}

/// A range of time, and where in it to go on.
pub(super) struct Range {
    pub since: OffsetDateTime,
    pub until: OffsetDateTime,
    pub position: Option<Position>,
}

pub(super) fn range(body: &JsonBody) -> Result<Range, Problem> {
    let mut fields = Fields::new(&body.object, "");
    let since = fields.text("since", read_moment);
    let until = fields.optional_text("until", read_moment);
    let position = fields.optional_text("cursor", |text| cursor::read_moment(text).map(|(at, id)| Position { at, id }));
    if let (Some(since), Some(until)) = (since, until)
        && until <= since
    {
        fields.fault("until", "must be later than since");
    }
    let errors = fields.faults();
    match since {
        Some(since) if errors.is_empty() => {
            Ok(Range { since, until: until.unwrap_or_else(OffsetDateTime::now_utc), position })
        }
        Some(_) | None => Err(Problem::validation(errors)),
    }
}

fn patterns(fields: &mut Fields<'_>) -> Option<Vec<EventPattern>> {
    let list = fields.list("event_types", MAX_PATTERNS)?;
    let mut patterns = Vec::with_capacity(list.len());
    let mut all_well = true;
    for (place, entry) in list.iter().enumerate() {
        let read = entry.as_str().ok_or("must be a string".to_owned());
        match read.and_then(|text| EventPattern::parse(text).map_err(|error| error.to_string())) {
            Ok(pattern) if patterns.contains(&pattern) => {}
            Ok(pattern) => patterns.push(pattern),
            Err(error) => {
                fields.fault(&format!("event_types/{place}"), error);
                all_well = false;
            }
        }
    }
    all_well.then_some(patterns)
}

fn description(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        _ if text.chars().any(char::is_control) => Err("must not contain control characters".to_owned()),
        0..=MAX_DESCRIPTION => Ok(text.to_owned()),
        _ => Err(format!("must have at most {MAX_DESCRIPTION} characters")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::intake::Fingerprint;

    fn body(value: Value) -> JsonBody {
        JsonBody { object: value.as_object().cloned().expect("an object"), fingerprint: Fingerprint::of(b"") }
    }

    fn pointers<T>(read: Result<T, Problem>) -> Vec<String> {
        read.err().expect("refused").errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn every_value_at_fault_is_named() {
        let all = json!({"url": "http://10.0.0.1/", "event_types": ["order.*", 7, "x y"], "description": "a\nb", "customer_id": "", "secret": "x"});
        let named = ["/url", "/event_types/1", "/event_types/2", "/description", "/customer_id", "/secret"];
        assert_eq!(pointers(new(&body(all.clone()), AddressRules::default())), named);
        assert_eq!(pointers(change(&body(all), AddressRules::default())), named);
        assert_eq!(pointers(new(&body(json!({})), AddressRules::default())), ["/url", "/event_types"]);
        assert_eq!(pointers(overlap(&body(json!({"overlap_seconds": MAX_OVERLAP + 1})))), ["/overlap_seconds"]);
        let backwards = json!({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z", "cursor": "x"});
        assert_eq!(pointers(range(&body(backwards))), ["/cursor", "/until"]);
    }

    #[test]
    fn what_is_absent_stays_and_null_takes_the_filter_away() {
        let change = |value| change(&body(value), AddressRules::default()).expect("a change");
        let nothing = change(json!({}));
        assert!(nothing.url.is_none() && nothing.event_types.is_none() && nothing.customer_id.is_none());
        assert_eq!(change(json!({"customer_id": null})).customer_id, Some(None));
        assert!(matches!(change(json!({"customer_id": "c-1"})).customer_id, Some(Some(_))));
        let twice = change(json!({"event_types": ["order.*", "order.*"]})).event_types.expect("types");
        assert_eq!(twice.len(), 1);
    }
}
