//! Reads which dead letters are meant, from query parameters and from bodies, and the bodies of the routes about them.

use std::fmt::Display;

use json_patch::Patch;
use serde_json::Value;
use uuid::Uuid;

use super::super::json_body::JsonBody;
use super::super::parameters::Parameters;
use super::super::problem::Problem;
use super::super::products::short_text;
use crate::contract::{Fields, read_moment};
use crate::domain::{CustomerId, Sku};
use crate::store::dead_letters::{Filter, GroupChange, GroupState, Selection, State};

/// Most letters that one request names.
const MOST: usize = 1_000;
/// Most changes of one repair.
const MOST_CHANGES: usize = 100;

/// Where the parts of a filter stand.
trait Given {
    fn part<T, E: Display>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T>;
}

impl Given for Parameters {
    fn part<T, E: Display>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        self.optional(name, parse)
    }
}

impl Given for Fields<'_> {
    fn part<T, E: Display>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        self.optional_text(name, parse)
    }
}

fn filter(given: &mut impl Given) -> Filter {
    Filter {
        state: None,
        group_id: given.part("group_id", uuid),
        kind: given.part("kind", short_text),
        customer_id: given.part("customer_id", |text| CustomerId::parse(text)).map(|id| id.as_str().to_owned()),
        sku: given.part("sku", |text| Sku::parse(text)).map(|sku| sku.as_str().to_owned()),
        queue: given.part("queue", short_text),
        reason: given.part("reason", short_text),
        order_id: given.part("order_id", uuid),
        text: given.part("text", short_text),
        since: given.part("since", read_moment),
        until: given.part("until", read_moment),
    }
}

/// The filter of a list.
pub(super) fn of_query(parameters: &mut Parameters) -> Filter {
    let state = parameters.optional("state", str::parse::<State>);
    Filter { state, ..filter(parameters) }
}

/// The letters that a body means.
#[derive(Debug)]
pub(in super::super) enum Chosen {
    Ids(Vec<Uuid>),
    Matching(Box<Filter>),
}

impl Chosen {
    pub(in super::super) fn selection(&self) -> Selection<'_> {
        match self {
            Self::Ids(ids) => Selection::Ids(ids),
            Self::Matching(filter) => Selection::Matching(filter),
        }
    }
}

/// The field `letters`: `{"ids": […]}` or `{"filter": {…}}`.
pub(in super::super) fn letters(fields: &mut Fields<'_>) -> Option<Chosen> {
    let Some(Value::Object(object)) = fields.value("letters") else {
        fields.fault("letters", "is required: {\"ids\": […]} or {\"filter\": {…}}");
        return None;
    };
    let mut inner = Fields::new(object, "/letters");
    let chosen = match (inner.value("ids").is_some(), inner.value("filter")) {
        (true, None) => ids(&mut inner).map(Chosen::Ids),
        (false, Some(Value::Object(parts))) => {
            let mut parts = Fields::new(parts, "/letters/filter");
            let filter = filter(&mut parts);
            let faults = parts.faults();
            let is_right = faults.is_empty();
            inner.errors.extend(faults);
            is_right.then(|| Chosen::Matching(Box::new(filter)))
        }
        (true, Some(_)) => {
            inner.fault("filter", "must not be given together with ids");
            None
        }
        (false, _) => {
            inner.fault("filter", "must be an object, or ids must be there");
            None
        }
    };
    let faults = inner.faults();
    let chosen = chosen.filter(|_| faults.is_empty());
    fields.errors.extend(faults);
    chosen
}

/// The field `ids`, each once.
fn ids(fields: &mut Fields<'_>) -> Option<Vec<Uuid>> {
    let list = fields.list("ids", MOST)?;
    let mut ids = Vec::with_capacity(list.len());
    let mut is_right = true;
    for (place, entry) in list.iter().enumerate() {
        match entry.as_str().and_then(|text| Uuid::parse_str(text).ok()) {
            Some(id) if ids.contains(&id) => {}
            Some(id) => ids.push(id),
            None => {
                fields.fault(&format!("ids/{place}"), "must be the id of a dead letter");
                is_right = false;
            }
        }
    }
    is_right.then_some(ids)
}

/// Letters that are named, and why.
pub(super) fn named(body: &JsonBody) -> Result<(Vec<Uuid>, String), Problem> {
    let mut fields = Fields::new(&body.object, "");
    let (ids, reason) = (ids(&mut fields), fields.text("reason", short_text));
    let faults = fields.faults();
    match (ids, reason) {
        (Some(ids), Some(reason)) if faults.is_empty() => Ok((ids, reason)),
        _ => Err(Problem::validation(faults)),
    }
}

/// Whose data is to go, and why.
pub(super) fn erasure(body: &JsonBody) -> Result<(CustomerId, String), Problem> {
    let mut fields = Fields::new(&body.object, "");
    let customer = fields.text("customer_id", |text| CustomerId::parse(text));
    let reason = fields.text("reason", short_text);
    let faults = fields.faults();
    match (customer, reason) {
        (Some(customer), Some(reason)) if faults.is_empty() => Ok((customer, reason)),
        _ => Err(Problem::validation(faults)),
    }
}

/// A repair as a client wants it.
#[derive(Debug)]
pub(super) struct Wanted {
    pub letters: Chosen,
    pub patch: Patch,
    pub reason: String,
    pub dry_run: bool,
}

pub(super) fn repair(body: &JsonBody) -> Result<Wanted, Problem> {
    let mut fields = Fields::new(&body.object, "");
    let letters = letters(&mut fields);
    let patch = fields.list("patch", MOST_CHANGES).and_then(|list| {
        let patch: Result<Patch, _> =
            list.iter().map(|one| serde_json::from_value(one.clone())).collect::<Result<_, _>>().map(Patch);
        patch.map_err(|error| fields.fault("patch", format_args!("must be a JSON Patch (RFC 6902): {error}"))).ok()
    });
    let reason = fields.text("reason", short_text);
    let dry_run = fields.optional_flag("dry_run").unwrap_or(false);
    let faults = fields.faults();
    match (letters, patch, reason) {
        (Some(letters), Some(patch), Some(reason)) if faults.is_empty() => {
            Ok(Wanted { letters, patch, reason, dry_run })
        }
        _ => Err(Problem::validation(faults)),
    }
}

/// What is to be changed of a group; `null` takes owner and note away.
pub(in super::super) fn group_change(body: &JsonBody) -> Result<GroupChange, Problem> {
    let mut fields = Fields::new(&body.object, "");
    let state = fields.optional_text("state", str::parse::<GroupState>);
    let mut text = |name: &'static str| {
        let text = fields.optional_text(name, short_text);
        body.object.get(name).map(|_| text)
    };
    let (owner, note) = (text("owner"), text("note"));
    let faults = fields.faults();
    if faults.is_empty() { Ok(GroupChange { state, owner, note }) } else { Err(Problem::validation(faults)) }
}

fn uuid(text: &str) -> Result<Uuid, &'static str> {
    Uuid::parse_str(text).map_err(|_| "must be an id as the lists show it")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::intake::Fingerprint;

    fn body(value: Value) -> JsonBody {
        JsonBody { object: value.as_object().cloned().expect("an object"), fingerprint: Fingerprint::of(b"") }
    }

    fn pointers<T: std::fmt::Debug>(read: Result<T, Problem>) -> Vec<String> {
        read.expect_err("refused").errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn letters_are_named_or_matched_and_never_meant_by_accident() {
        let read = |letters: Value| {
            repair(&body(json!({"letters": letters, "patch": [{"op": "remove", "path": "/a"}], "reason": "x"})))
        };
        let id = Uuid::now_v7();
        assert!(matches!(read(json!({"ids": [id, id]})), Ok(Wanted { letters: Chosen::Ids(ids), .. }) if ids == [id]));
        assert!(
            matches!(read(json!({"filter": {}})), Ok(Wanted { letters: Chosen::Matching(filter), .. }) if filter.is_empty())
        );
        for (letters, pointer) in [
            (json!({}), "/letters/filter"),
            (json!({"ids": []}), "/letters/ids"),
            (json!({"ids": ["x"]}), "/letters/ids/0"),
            (json!({"filter": []}), "/letters/filter"),
            (json!({"filter": {"sku": ""}}), "/letters/filter/sku"),
            (json!({"filter": {"que": "x"}}), "/letters/filter/que"),
            (json!({"filter": {}, "all": true}), "/letters/all"),
            (json!([]), "/letters"),
        ] {
            assert_eq!(pointers(read(letters.clone())), [pointer], "{letters}");
        }
        assert!(pointers(read(json!({"ids": [id], "filter": {}}))).contains(&"/letters/filter".to_owned()));
    }

    #[test]
    fn every_part_at_fault_is_named() {
        let wrong = json!({"letters": {"ids": [7]}, "patch": [{"op": "mend"}], "reason": " ", "dry_run": 1, "x": 1});
        assert_eq!(pointers(repair(&body(wrong))), ["/letters/ids/0", "/patch", "/reason", "/dry_run", "/x"]);
        assert_eq!(pointers(named(&body(json!({})))), ["/ids", "/reason"]);
        assert_eq!(pointers(erasure(&body(json!({"customer_id": "", "reason": 1})))), ["/customer_id", "/reason"]);
        assert_eq!(pointers(group_change(&body(json!({"state": "done", "owner": ""})))), ["/state", "/owner"]);
    }

    #[test]
    fn null_takes_an_owner_away_and_what_is_absent_stays() {
        let change = group_change(&body(json!({"owner": null, "state": "open"}))).expect("a change");
        assert_eq!((change.state, change.owner, change.note), (Some(GroupState::Open), Some(None), None));
    }
}
