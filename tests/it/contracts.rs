//! The contracts that are made from the code and checked in under `api/`: current, complete, and true. Needs no service.

mod openapi;

use std::path::Path;

/// Fails when a checked-in document is not the one the code makes, with the command that renews it.
fn assert_current(file: &str, made: &str, renew: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there.trim_end() == made.trim_end(), "{file} is stale. Renew it:\n  {renew}\n");
}
