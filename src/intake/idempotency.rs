//! Idempotency keys: reading the header, recognising a repeated body, and knowing which keys are being worked on.
//! Called by the HTTP API (reading) and the batcher (keys in flight). The stored answers are `store::idempotency`.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

/// Longest key, as the large payment APIs have it.
const MAX_KEY: usize = 255;

/// SHA-256 of a request body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub fn of(body: &[u8]) -> Self {
        Self(Sha256::digest(body).into())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A client's promise that requests with this key and body are the same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose key it is: two callers may choose the same.
    pub scope: String,
    pub key: String,
    pub fingerprint: Fingerprint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error("must consist of visible ASCII characters and spaces")]
    Characters,
    #[error("must have 1 to {MAX_KEY} characters")]
    Length,
    #[error("must end its quoted string with a quote, and escape only quotes and backslashes")]
    Quoting,
}

/// Reads the header's value: a quoted string as the draft of the header wants it (draft-ietf-httpapi-idempotency-key-header-07,
/// strings as in RFC 9651, 3.3.3), or the bare text that most clients send. Both forms of one key are the same key.
///
/// # Errors
/// [`InvalidKey`] names the rule that the value breaks.
pub fn read_key(value: &[u8]) -> Result<String, InvalidKey> {
    let text = std::str::from_utf8(value).map_err(|_| InvalidKey::Characters)?.trim();
    if !text.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
        return Err(InvalidKey::Characters);
    }
    let key = match text.strip_prefix('"') {
        Some(quoted) => unquote(quoted).ok_or(InvalidKey::Quoting)?,
        None => text.to_owned(),
    };
    if (1..=MAX_KEY).contains(&key.len()) { Ok(key) } else { Err(InvalidKey::Length) }
}

fn unquote(quoted: &str) -> Option<String> {
    let mut key = String::with_capacity(quoted.len());
    let mut rest = quoted.chars();
    loop {
        match rest.next()? {
            '"' => return rest.next().is_none().then_some(key),
            '\\' => key.push(rest.next().filter(|c| matches!(c, '"' | '\\'))?),
            other => key.push(other),
        }
    }
}

/// The keys that this process is working on. Two processes with one key are kept apart by the table's primary key.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlight(Arc<Mutex<HashSet<(String, String)>>>);

impl InFlight {
    /// `None` while another request with this key is in flight.
    pub(super) fn claim(&self, key: &IdempotencyKey) -> Option<Ticket> {
        let name = (key.scope.clone(), key.key.clone());
        self.names().insert(name.clone()).then(|| Ticket { name, in_flight: self.clone() })
    }

    fn names(&self) -> MutexGuard<'_, HashSet<(String, String)>> {
        // a set is never half changed, so a panic elsewhere leaves it usable
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds a key; dropping it lets the next request with this key in.
#[derive(Debug)]
pub(super) struct Ticket {
    name: (String, String),
    in_flight: InFlight,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.in_flight.names().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_and_a_bare_key_are_the_same() {
        assert_eq!(read_key(b"order-7"), Ok("order-7".to_owned()));
        assert_eq!(read_key(b" \"order-7\" "), Ok("order-7".to_owned()));
        assert_eq!(read_key(br#""a\"b\\c""#), Ok(r#"a"b\c"#.to_owned()));
    }

    #[test]
    fn a_key_that_breaks_a_rule_is_refused_by_name() {
        assert_eq!(read_key(b""), Err(InvalidKey::Length));
        assert_eq!(read_key(b"\"\""), Err(InvalidKey::Length));
        assert_eq!(read_key(&[b'k'; 256]), Err(InvalidKey::Length));
        assert_eq!(read_key(&[0xff, b'k']), Err(InvalidKey::Characters));
        assert_eq!(read_key("schlüssel".as_bytes()), Err(InvalidKey::Characters));
        assert_eq!(read_key(b"\"open"), Err(InvalidKey::Quoting));
        assert_eq!(read_key(br#""a" b"#), Err(InvalidKey::Quoting));
        assert_eq!(read_key(br#""a\n""#), Err(InvalidKey::Quoting));
    }

    #[test]
    fn a_key_is_free_again_when_its_ticket_is_dropped() {
        let in_flight = InFlight::default();
        let key =
            |scope: &str| IdempotencyKey { scope: scope.into(), key: "k".into(), fingerprint: Fingerprint::of(b"") };
        let ticket = in_flight.claim(&key("a"));
        assert!(ticket.is_some());
        assert!(in_flight.claim(&key("a")).is_none());
        assert!(in_flight.claim(&key("b")).is_some());
        drop(ticket);
        assert!(in_flight.claim(&key("a")).is_some());
    }
}
