//! A Postman collection (format 2.1) from the OpenAPI document: one request per operation with its example, and a test that the answer
//! is one that the document lists. Printed by `order-api postman`; `newman run` works it off.

use serde_json::{Value, json};
use utoipa::openapi::HttpMethod;

use super::router::document;

/// Where a collection runs until it is told otherwise.
const BASE_URL: &str = "http://127.0.0.1:8080";
/// An id for what has no example of its own.
const SOME_ID: &str = "0199c1d2-7a40-7c1e-9d43-0c2f5a1be001";

const JSON: &str = "application/json";

/// The collection as it is printed and checked in.
///
/// # Errors
/// Never for a document of ours; the type is the writer's.
pub fn collection_json() -> serde_json::Result<String> {
    let document = serde_json::to_value(document())?;
    serde_json::to_string_pretty(&collection(&document))
}

fn collection(document: &Value) -> Value {
    let tags = document["tags"].as_array().into_iter().flatten();
    let folders = tags.map(|tag| {
        let requests: Vec<Value> = operations(document)
            .filter(|call| call.operation["tags"][0] == tag["name"])
            .map(|call| call.item())
            .collect();
        json!({"name": tag["name"], "description": tag["description"], "item": requests})
    });
    json!({
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "version": document["info"]["version"],
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "item": folders.collect::<Vec<_>>(),
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [{"key": "baseUrl", "value": BASE_URL}, {"key": "token", "value": ""}],
    })
}

/// One operation with its place in the document.
struct Call<'a> {
    document: &'a Value,
    method: &'a str,
    path: &'a str,
    operation: &'a Value,
}

fn operations(document: &Value) -> impl Iterator<Item = Call<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(move |(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        // keys that are no method say something of the whole path
        methods
            .filter(|(method, _)| serde_json::from_value::<HttpMethod>(json!(method)).is_ok())
            .map(move |(method, operation)| Call { document, method, path, operation })
    })
}

impl Call<'_> {
    fn item(&self) -> Value {
        let mut request = json!({
            "method": self.method.to_uppercase(),
            "description": self.operation["description"],
            "header": self.headers(),
            "url": self.url(),
        });
        if let Some((media_type, body)) = self.body() {
            let (text, language) = match body {
                Value::String(text) if media_type != JSON => (text.clone(), "text"),
                body => (format!("{body:#}"), "json"),
            };
            request["body"] = json!({"mode": "raw", "raw": text, "options": {"raw": {"language": language}}});
        }
        json!({
            "name": self.operation["summary"],
            "request": request,
            "event": [{"listen": "test", "script": {"type": "text/javascript", "exec": self.test()}}],
        })
    }

    fn parameters(&self, place: &str) -> impl Iterator<Item = &Value> {
        let all = self.operation["parameters"].as_array().into_iter().flatten();
        all.filter(move |parameter| parameter["in"] == place)
    }

    fn headers(&self) -> Vec<Value> {
        let described = self.parameters("header").map(|parameter| {
            // a fixed key would turn every further run into a repetition
            let value =
                if parameter["name"] == "Idempotency-Key" { json!("{{$guid}}") } else { self.example(parameter) };
            json!({"key": parameter["name"], "value": value, "description": parameter["description"]})
        });
        let body = self.body().map(|(media_type, _)| json!({"key": "Content-Type", "value": media_type}));
        body.into_iter().chain(described).collect()
    }

    fn url(&self) -> Value {
        let path: Vec<String> = self
            .path
            .trim_start_matches('/')
            .split('/')
            .map(|part| match part.strip_prefix('{') {
                Some(name) => format!(":{}", name.trim_end_matches('}')),
                None => part.to_owned(),
            })
            .collect();
        let query: Vec<Value> = self
            .parameters("query")
            .map(|parameter| {
                json!({
                    "key": parameter["name"], "value": self.example(parameter), "description": parameter["description"],
                    // who waits for the end of an answer must not follow a stream
                    "disabled": parameter["required"] != true && parameter["name"] != "follow",
                })
            })
            .collect();
        let variables: Vec<Value> = self
            .parameters("path")
            .map(|parameter| {
                json!({
                    "key": parameter["name"], "value": self.example(parameter), "description": parameter["description"],
                })
            })
            .collect();
        json!({
            "raw": format!("{{{{baseUrl}}}}/{}", path.join("/")),
            "host": ["{{baseUrl}}"], "path": path, "query": query, "variable": variables,
        })
    }

    /// The example of a parameter as text: its own, its schema's, or the first value that its schema allows.
    fn example(&self, parameter: &Value) -> Value {
        let schema = self.resolve(&parameter["schema"]);
        let found =
            [&parameter["example"], &schema["examples"][0], &schema["default"], &schema["enum"][0], &schema["minimum"]];
        match found.into_iter().find(|value| !value.is_null()) {
            Some(Value::String(text)) => json!(text),
            Some(other) => json!(other.to_string()),
            None if schema["format"] == "uuid" => json!(SOME_ID),
            None => json!(""),
        }
    }

    /// The media type and its example.
    fn body(&self) -> Option<(&str, &Value)> {
        let (media_type, content) = self.operation["requestBody"]["content"].as_object()?.iter().next()?;
        let own = [&content["example"], &self.resolve(&content["schema"])["examples"][0]];
        own.into_iter().find(|value| !value.is_null()).map(|example| (media_type.as_str(), example))
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let target =
            value["$ref"].as_str().and_then(|reference| self.document.pointer(reference.trim_start_matches('#')));
        target.unwrap_or(value)
    }

    fn test(&self) -> Vec<String> {
        let responses = self.operation["responses"].as_object().into_iter().flatten();
        let statuses: Vec<&str> =
            responses.map(|(status, _)| status.as_str()).filter(|status| !status.starts_with('5')).collect();
        vec![
            "pm.test(\"the answer is one that the contract lists\", () => {".to_owned(),
            format!("  pm.expect([{}]).to.include(pm.response.code);", statuses.join(", ")),
            "});".to_owned(),
        ]
    }
}
