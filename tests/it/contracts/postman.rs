//! api/postman_collection.json: a request for each operation.

use order_fleet::intake::http::{collection_json, document_json};
use serde_json::Value;

use super::assert_current;

#[test]
fn the_checked_in_collection_is_what_the_code_makes() {
    let made = collection_json().expect("a collection");
    let renew = "cargo run -q --bin order-api -- postman > api/postman_collection.json";
    assert_current("api/postman_collection.json", &made, renew);
}

#[test]
fn every_operation_is_a_request_that_can_be_sent_as_it_is() {
    let collection: Value = serde_json::from_str(&collection_json().expect("a collection")).expect("JSON");
    let document: Value = serde_json::from_str(&document_json().expect("a document")).expect("JSON");
    let operations: usize = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .map(|item| item.as_object().expect("a path").len())
        .sum();
    let folders = collection["item"].as_array().expect("folders");
    let requests: Vec<&Value> =
        folders.iter().flat_map(|folder| folder["item"].as_array().expect("requests")).collect();
    assert_eq!(requests.len(), operations);
    for request in requests {
        let name = &request["name"];
        let request = &request["request"];
        let variables = request["url"]["variable"].as_array().expect("variables");
        assert!(variables.iter().all(|variable| variable["value"] != ""), "{name}: a path without an example");
        if request["method"] != "GET" && request["header"].to_string().contains("application/json") {
            let body = request["body"]["raw"].as_str().unwrap_or_default();
            assert!(serde_json::from_str::<Value>(body).is_ok_and(|body| body.is_object()), "{name}: no body");
        }
    }
}
