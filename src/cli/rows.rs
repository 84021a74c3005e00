//! The rows of a JSON-lines file, each with the idempotency key that makes a second run harmless. [`super::bulk`] reads them.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::error::Error;

/// One line of the input, with the key that makes a second run harmless.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    pub line: usize,
    pub content: Vec<u8>,
    pub key: String,
}

/// Reads rows on a thread of their own: a read from a terminal cannot be cancelled and must not hold up the exit.
pub fn read(source: &str, batch: &str) -> Result<mpsc::Receiver<Result<Row, Error>>, Error> {
    let reader: Box<dyn BufRead + Send> = match source {
        "-" => Box::new(BufReader::new(std::io::stdin())),
        path => Box::new(BufReader::new(std::fs::File::open(path).map_err(|error| unreadable(path, &error))?)),
    };
    // As many as the widest window, so that reading never waits for the network and memory stays small.
    let (sender, receiver) = mpsc::channel(256);
    let (source, mut keys) = (source.to_owned(), RowKeys::new(batch));
    std::thread::spawn(move || {
        for (index, line) in reader.split(b'\n').enumerate() {
            let row = match line {
                Ok(line) if line.trim_ascii().is_empty() => continue,
                Ok(line) => {
                    let content = line.trim_ascii().to_vec();
                    Ok(Row { line: index + 1, key: keys.next(&content), content })
                }
                Err(error) => Err(unreadable(&source, &error)),
            };
            if sender.blocking_send(row).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

pub fn unreadable(source: &str, error: &std::io::Error) -> Error {
    Error::Input(format!("{source} cannot be read: {error}"))
}

/// Makes the idempotency keys: the same row in the same place among its equals has the same key in every run, whatever
/// else is added to or taken from the file.
struct RowKeys {
    batch: String,
    seen: HashMap<[u8; 32], u64>,
}

impl RowKeys {
    fn new(batch: &str) -> Self {
        Self { batch: batch.to_owned(), seen: HashMap::new() }
    }

    fn next(&mut self, content: &[u8]) -> String {
        let hash: [u8; 32] = Sha256::new().chain_update(content).finalize().into();
        let occurrence = self.seen.entry(hash).and_modify(|count| *count += 1).or_insert(1);
        let key = Sha256::new()
            .chain_update(hash)
            .chain_update(occurrence.to_be_bytes())
            .chain_update(self.batch.as_bytes())
            .finalize();
        // 128 bits are enough for keys that nobody attacks, and short enough for logs.
        let hex: String = key.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("row-{hex}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(batch: &str, rows: &[&str]) -> Vec<String> {
        let mut keys = RowKeys::new(batch);
        rows.iter().map(|row| keys.next(row.as_bytes())).collect()
    }

    #[test]
    fn a_second_run_gives_every_row_the_same_key() {
        assert_eq!(keys("", &["a", "b"]), keys("", &["a", "b"]));
    }

    #[test]
    fn a_row_keeps_its_key_when_others_come_or_go() {
        assert_eq!(keys("", &["a", "b"])[1], keys("", &["b"])[0]);
    }

    #[test]
    fn equal_rows_are_orders_of_their_own() {
        let keys = keys("", &["a", "a", "a"]);
        assert_ne!(keys[0], keys[1]);
        assert_ne!(keys[1], keys[2]);
    }

    #[test]
    fn another_batch_orders_again() {
        assert_ne!(keys("", &["a"]), keys("friday", &["a"]));
    }

    #[test]
    fn keys_stay_what_they_were_in_older_versions() {
        assert_eq!(keys("", &["{}"]), ["row-5f1cf7a6722ebda87a38aa0017b7a4b8"]);
    }
}
