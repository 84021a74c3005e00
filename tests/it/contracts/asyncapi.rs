//! api/asyncapi.json: every queue and exchange, every message, and examples that the schemas allow.

use std::collections::BTreeSet;
use std::path::Path;

use order_fleet::asyncapi::{document, document_json};
use order_fleet::topology::{Topology, TopologyArgs};
use serde_json::Value;

use super::{assert_current, assert_valid, references};

/// Golden files of what is stored, not sent.
const STORED: [&str; 2] = ["outgoing", "step_reason"];

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().expect("an object").keys().cloned().collect()
}

#[test]
fn the_checked_in_document_is_what_the_code_makes() {
    assert_current("api/asyncapi.json", &document_json(), "cargo run -q --bin setup -- --asyncapi > api/asyncapi.json");
}

#[test]
fn every_exchange_and_queue_is_a_channel_with_messages() {
    let document = document();
    let topology = Topology::new(&TopologyArgs::default());
    let exchanges = topology.exchanges.iter().map(|exchange| format!("exchange.{}", exchange.name));
    let expected: BTreeSet<String> = exchanges.chain(topology.queues.iter().map(|queue| queue.name.clone())).collect();
    assert_eq!(keys(&document["channels"]), expected);
    for (name, channel) in document["channels"].as_object().expect("channels") {
        assert!(!keys(&channel["messages"]).is_empty(), "{name} has no messages");
    }
    for (name, operation) in document["operations"].as_object().expect("operations") {
        assert!(
            operation["messages"].as_array().is_some_and(|messages| !messages.is_empty()),
            "{name} has no messages"
        );
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    for reference in references(&document) {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

#[test]
fn every_message_has_examples_that_its_schema_allows() {
    let document = document();
    for (name, message) in document["components"]["messages"].as_object().expect("messages") {
        // any message at all, so any body
        if name == "dead-letter" {
            continue;
        }
        let examples = message["examples"].as_array().unwrap_or_else(|| panic!("{name} has no golden file"));
        for example in examples {
            assert_valid(&document, &message["payload"], &example["payload"], name);
        }
    }
}

#[test]
fn every_golden_message_is_in_the_document() {
    let document = document();
    let golden = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")).expect("golden files");
    let mut kinds = 0;
    for folder in golden {
        let kind = folder.expect("an entry").file_name().to_string_lossy().into_owned();
        let shared = match kind.as_str() {
            "order.event" => Some("order.confirmed"),
            "notification" => Some("order_confirmation"),
            _ => None,
        };
        let name = shared.unwrap_or(&kind);
        let there = document["components"]["messages"].get(name).is_some();
        kinds += 1;
        assert!(there || STORED.contains(&kind.as_str()), "{kind} is missing in src/asyncapi/messages.rs");
    }
    assert!(kinds > STORED.len(), "the golden files are looked at");
}
