//! The dependency rule of the modules, held by a test: rules know no IO, SQL has one place, and so has the broker's library.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(sources(&path)),
            false if path.extension().is_some_and(|ending| ending == "rs") => found.push(path),
            false => {}
        }
    }
    found
}

/// Every line of code below `src` that contains one of the words, as `file: line`, without those of the folders and files allowed.
fn offenders(words: &[&str], allowed: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&root);
    assert!(files.len() > 100, "the sources are looked at");
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).expect("below src").to_string_lossy().into_owned();
        if allowed.iter().any(|allowed| name.starts_with(allowed)) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        found.extend(
            code.filter(|line| words.iter().any(|word| line.contains(word))).map(|line| format!("{name}: {line}")),
        );
    }
    found
}

#[test]
fn the_domain_knows_neither_io_nor_anything_else_of_ours() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain");
    let files = sources(&root);
    assert!(files.len() >= 10, "the domain is looked at");
    for file in files {
        let text = fs::read_to_string(&file).expect("a source");
        for line in text.lines().filter(|line| line.trim_start().starts_with("use ")) {
            let ours = line.contains("crate::") && !line.contains("crate::domain");
            let io = ["sqlx", "lapin", "tokio", "axum", "reqwest", "std::fs", "std::net"]
                .iter()
                .any(|word| line.contains(word));
            assert!(!ours && !io, "{}: {line}", file.display());
        }
    }
}

#[test]
fn contract_and_access_know_only_the_domain() {
    for module in ["contract", "access"] {
        let own = format!("crate::{module}");
        for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(module)) {
            let text = fs::read_to_string(&file).expect("a source");
            for line in text.lines().filter(|line| line.starts_with("use crate::")) {
                let known = line.contains("crate::domain") || line.contains(&own);
                assert!(known, "{}: {line}", file.display());
            }
        }
    }
}

#[test]
fn the_brokers_library_is_named_only_where_messages_travel() {
    // the command line is a foreign client on purpose; demo, chaos and bench play strangers
    let allowed = ["messaging/", "topology/declare.rs", "cli/amqp.rs", "demo/", "chaos/", "bench/"];
    let found: Vec<String> =
        offenders(&["lapin::"], &allowed).into_iter().filter(|line| !line.contains("/tests.rs")).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn sql_is_written_in_the_store() {
    // readiness and leadership are about the connection, not about data; the last four stand beside the product
    let allowed =
        ["store/", "runtime.rs", "services/scheduler/leader.rs", "roles/setup.rs", "demo/", "chaos/", "bench/"];
    let found = offenders(&["sqlx::query"], &allowed);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_route_of_the_api_exists_without_its_description() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/intake/http");
    // the files that serve pages, not data
    let pages = ["http/console.rs", "http/site.rs", "http/track.rs"];
    let files = sources(&folder).into_iter().filter(|file| !pages.iter().any(|page| file.ends_with(page)));
    let mut looked_at = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("a source");
        let code = text.split("#[cfg(test)]").next().expect("code");
        for way in [".route(", ".nest(", ".route_service(", ".nest_service("] {
            assert!(!code.contains(way), "{}: register it with routes! instead of {way}", file.display());
        }
        looked_at += 1;
    }
    assert!(looked_at >= 10, "the sources are looked at");
}
