//! Every command that a page shows exists, with its options: it is parsed by the program's own command line. Needs no service.

use clap::Parser;
use order_fleet::cli;
use order_fleet::services::dead_letter_handler;
use uuid::Uuid;

use crate::docs::{pages, read};

/// The words of a command as a shell would split it, up to a comment, a pipe or a redirection.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in command.chars() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (' ', None) => words.push(String::new()),
            (c, None | Some(_)) => words.last_mut().expect("one at least").push(c),
        }
    }
    let words = words.into_iter().filter(|word| !word.is_empty());
    words.take_while(|word| !matches!(word.as_str(), "#" | "|" | ">" | ">>" | "&&")).map(|word| known(&word)).collect()
}

/// What stands for something, as that.
fn known(word: &str) -> String {
    let id = Uuid::nil().to_string();
    if matches!(word, "ID" | "G") {
        return id;
    }
    let word = word.replace("$FLEET_OPERATOR", "anna");
    ["$GROUP", "$LETTER", "$REPLAY", "$ORDER"].iter().fold(word, |word, name| word.replace(name, &id))
}

/// Commands of the programs that take some, in the examples of a page.
fn commands(page: &str) -> Vec<String> {
    let examples = page.split("```").skip(1).step_by(2).flat_map(str::lines);
    let lines = examples.map(|line| line.strip_prefix("$ ").unwrap_or(line));
    lines
        .filter(|line| line.starts_with("orders ") || line.starts_with("dead-letter-handler "))
        .filter(|line| !line.ends_with('\\'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_that_a_page_shows_exists() {
    let (mut looked_at, mut wrong) = (0, Vec::new());
    for page in pages() {
        for command in commands(&read(&page)) {
            looked_at += 1;
            let words = words(&command);
            let parsed = match words[0].as_str() {
                "orders" => cli::Args::try_parse_from(&words).map(drop),
                _ => dead_letter_handler::cli::command().try_get_matches_from(&words).map(drop),
            };
            if let Err(error) = parsed {
                wrong.push(format!("{}: {command}: {error}", page.display()));
            }
            if words.iter().any(|word| word.contains('$')) {
                wrong.push(format!("{}: {command}: an unknown variable", page.display()));
            }
        }
    }
    assert!(looked_at > 50, "the pages are looked at: {looked_at}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
