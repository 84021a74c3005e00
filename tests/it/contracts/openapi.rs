//! api/openapi.json: what the code makes, with everything that a client needs to know of each operation.

use std::collections::BTreeSet;

use order_fleet::intake::http::{ProblemKind, document_json};
use serde_json::Value;

use super::assert_current;

fn document() -> Value {
    serde_json::from_str(&document_json().expect("a document")).expect("JSON")
}

/// Every operation as (method and path, operation).
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("a path");
        item.iter()
            .filter(|(key, _)| *key != "parameters")
            .map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    operations.collect()
}

/// Follows a reference within the document.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            document.pointer(reference.trim_start_matches('#')).expect("a reference that leads somewhere")
        }
        None => value,
    }
}

#[test]
fn the_checked_in_document_is_what_the_code_makes() {
    let made = document_json().expect("a document");
    assert_current("api/openapi.json", &made, "cargo run -q --bin order-api -- openapi > api/openapi.json");
}

#[test]
fn every_operation_says_what_it_is_and_what_can_go_wrong() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let tags: BTreeSet<&str> =
        document["tags"].as_array().expect("tags").iter().filter_map(|tag| tag["name"].as_str()).collect();
    let mut ids = BTreeSet::new();
    let operations = operations(&document);
    assert!(operations.len() >= 10);
    for (name, operation) in operations {
        let id = operation["operationId"].as_str().expect(&name);
        assert!(ids.insert(id), "{name}: {id} is used twice");
        assert!(
            operation["summary"].as_str().is_some_and(|text| !text.contains('`') && !text.ends_with('.')),
            "{name}"
        );
        let tag = operation["tags"][0].as_str().expect(&name);
        assert!(tags.contains(tag), "{name}: the tag {tag} is not among the tags of the document");
        assert!(operation.get("x-problems").is_none(), "{name}: not every problem in x-problems is one");
        let responses = operation["responses"].as_object().expect(&name);
        assert!(responses.keys().any(|status| status.starts_with('2') || status.starts_with('3')), "{name}");
        for (status, response) in responses {
            let response = resolve(&document, response);
            let content = &response["content"];
            match status.starts_with(['4', '5']) {
                true => assert!(content["application/problem+json"]["examples"].is_object(), "{name}: {status}"),
                false => assert!(content.get("application/problem+json").is_none(), "{name}: {status}"),
            }
        }
    }
}

#[test]
fn every_kind_of_problem_has_texts_of_its_own() {
    let mut seen = BTreeSet::new();
    for kind in ProblemKind::ALL {
        assert_eq!(serde_json::to_value(kind).expect("a slug"), kind.slug());
        for text in [kind.title(), kind.meaning(), kind.remedy(), kind.example()] {
            assert!(seen.insert(text), "{}: {text:?} is said twice", kind.slug());
        }
    }
}
