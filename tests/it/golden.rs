//! Messages of every version that was ever in use, in `tests/golden/<kind>/v<number>[-<which>].json`: old and new processes run side
//! by side during a deployment, so each must still be read, and what is written today must be what the newest files say.
//!
//! A change of a message adds files with the next number; none is ever edited.

mod readers;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use readers::{KINDS, consume, rewrite};

struct Golden {
    kind: String,
    version: u32,
    path: PathBuf,
    message: Value,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn entries(path: &Path) -> Vec<PathBuf> {
    fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
}

fn name(path: &Path) -> &str {
    path.file_stem().and_then(|name| name.to_str()).expect("a name")
}

fn all() -> Vec<Golden> {
    let mut all = Vec::new();
    for kind in entries(&folder()) {
        for path in entries(&kind) {
            let number = name(&path).split('-').next().and_then(|version| version.strip_prefix('v'));
            let version =
                number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{path:?} has no version"));
            let message = serde_json::from_slice(&fs::read(&path).expect("read")).expect("JSON");
            let kind = kind.file_name().and_then(|kind| kind.to_str()).expect("a kind").to_owned();
            all.push(Golden { kind, version, path, message });
        }
    }
    all
}

/// The same message from a version to come: every object has a field that nobody knows yet.
fn of_a_newer_version(message: &Value) -> Value {
    match message {
        Value::Object(fields) => {
            let newer = |(name, value): (&String, &Value)| {
                // headers are text by nature; what is added there is a header
                let value = match (name.as_str(), value) {
                    ("headers", Value::Object(headers)) => {
                        let added = ("added_later".to_owned(), json!("a header"));
                        headers.clone().into_iter().chain([added]).collect()
                    }
                    _ => of_a_newer_version(value),
                };
                (name.clone(), value)
            };
            let mut fields: serde_json::Map<String, Value> = fields.iter().map(newer).collect();
            fields.insert("added_later".to_owned(), json!({"anything": [1, null, "x"]}));
            Value::Object(fields)
        }
        Value::Array(entries) => Value::Array(entries.iter().map(of_a_newer_version).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => message.clone(),
    }
}

#[test]
fn every_kind_of_message_has_its_golden_files() {
    let found: BTreeSet<String> = all().into_iter().map(|golden| golden.kind).collect();
    assert_eq!(found, KINDS.map(str::to_owned).into(), "a new kind needs files, and an entry in readers.rs");
}

#[test]
fn every_version_is_still_read_by_its_consumer() {
    for Golden { kind, path, message, .. } in all() {
        rewrite(&kind, &message.to_string()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        consume(&kind, &message).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn what_a_newer_version_adds_is_passed_over() {
    for Golden { kind, path, message, .. } in all() {
        let newer = of_a_newer_version(&message);
        rewrite(&kind, &newer.to_string()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        consume(&kind, &newer).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn what_is_written_today_is_the_newest_version() {
    let all = all();
    for Golden { kind, version, path, message } in &all {
        let newest = all.iter().filter(|other| other.kind == *kind).map(|other| other.version).max();
        if Some(*version) == newest {
            let written = rewrite(kind, &message.to_string()).expect("read");
            let written: Value = serde_json::from_str(&written).expect("JSON");
            assert_eq!(&written, message, "{}: today's message differs; add the next version", path.display());
        }
    }
}
