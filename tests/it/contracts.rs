//! The contracts that are made from the code and checked in under `api/`: current, complete, and true.

mod asyncapi;
mod openapi;
mod postman;
mod site;

use std::path::Path;

use serde_json::{Value, json};

/// Fails when a checked-in document is not the one the code makes, with the command that renews it.
fn assert_current(file: &str, made: &str, renew: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there.trim_end() == made.trim_end(), "{file} is stale. Renew it:\n  {renew}\n");
}

/// Follows a reference within the document.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().map(|reference| document.pointer(reference.trim_start_matches('#')));
    target.map_or(value, |target| target.expect("a reference that leads somewhere"))
}

/// Every reference anywhere in the document.
fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(entries) => entries.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Every example beside or in a schema as (place, schema, example).
fn examples(value: &Value) -> Vec<(String, &Value, &Value)> {
    let mut found = Vec::new();
    collect(value, String::new(), &mut found);
    found
}

fn collect<'a>(value: &'a Value, place: String, found: &mut Vec<(String, &'a Value, &'a Value)>) {
    match value {
        Value::Object(fields) => {
            let schema = fields.get("schema").unwrap_or(value);
            let own: Vec<&Value> = match fields.get("examples") {
                Some(Value::Array(examples)) => examples.iter().collect(),
                Some(Value::Object(examples)) => examples.values().map(|example| &example["value"]).collect(),
                _ => Vec::new(),
            };
            // a field of a type may have that name, too: an example of a schema stands beside its type
            let single = fields.get("example").filter(|_| fields.contains_key("schema") || fields.contains_key("type"));
            found.extend(own.into_iter().chain(single).map(|example| (place.clone(), schema, example)));
            for (name, field) in fields.iter().filter(|(name, _)| !name.starts_with("example")) {
                collect(field, format!("{place}/{name}"), found);
            }
        }
        Value::Array(entries) => {
            entries.iter().enumerate().for_each(|(index, entry)| collect(entry, format!("{place}/{index}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Fails when the value is not one that the schema of this document allows.
fn assert_valid(document: &Value, schema: &Value, value: &Value, place: &str) {
    let schema = json!({"allOf": [schema], "components": document["components"]});
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .build(&schema)
        .unwrap_or_else(|error| panic!("{place}: not a schema: {error}"));
    let faults: Vec<String> =
        validator.iter_errors(value).map(|fault| format!("{} at {}", fault, fault.instance_path())).collect();
    assert!(faults.is_empty(), "{place}: {value} {faults:#?}");
}
