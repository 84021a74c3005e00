//! api/openapi.json: what the code makes, with everything that a client needs to know of each operation.

use std::collections::BTreeSet;

use order_fleet::intake::http::{ProblemKind, document_json};
use serde_json::Value;

use super::{assert_current, assert_valid, examples, references, resolve};

fn document() -> Value {
    serde_json::from_str(&document_json().expect("a document")).expect("JSON")
}

/// Every operation as (method and path, operation).
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("a path");
        item.iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    operations.collect()
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
        let summary = operation["summary"].as_str().expect(&name);
        assert!(!summary.contains('`') && !summary.ends_with('.'), "{name}: the summary is a title");
        assert!(operation["description"].is_string(), "{name}: the doc comment needs a second paragraph");
        let tag = operation["tags"][0].as_str().expect(&name);
        assert!(tags.contains(tag), "{name}: the tag {tag} is not among the tags of the document");
        let responses = operation["responses"].as_object().expect(&name);
        assert!(responses.keys().any(|status| status.starts_with(['1', '2', '3'])), "{name}: no success");
        for (status, response) in responses {
            let content = &resolve(&document, response)["content"];
            match status.starts_with(['4', '5']) {
                // people are told by a page
                true if content["text/html"].is_object() => {}
                true => assert!(content["application/problem+json"]["examples"].is_object(), "{name}: {status}"),
                false => assert!(content.get("application/problem+json").is_none(), "{name}: {status}"),
            }
        }
    }
}

#[test]
fn every_body_has_an_example() {
    let document = document();
    for (name, operation) in operations(&document) {
        let Some(content) = operation["requestBody"]["content"].get("application/json") else { continue };
        let schema = resolve(&document, &content["schema"]);
        assert!(schema["examples"].is_array() || content["example"].is_object(), "{name}: no example of its body");
    }
}

#[test]
fn every_example_is_what_its_schema_allows() {
    let document = document();
    let mut checked = 0;
    for (place, schema, example) in examples(&document) {
        assert_valid(&document, schema, example, &place);
        checked += 1;
    }
    assert!(checked >= 30, "only {checked} examples were found");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let broken: Vec<&str> = references(&document)
        .into_iter()
        .filter(|reference| document.pointer(reference.trim_start_matches('#')).is_none())
        .collect();
    assert!(broken.is_empty(), "a type that only a parameter has is written inline(Type): {broken:?}");
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
