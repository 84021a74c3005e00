//! Which dead letters have one cause: those whose consumer, reason, type and error are the same once everything is left out that
//! differs from message to message. Error classes as NServiceBus and Sentry know them, made of words instead of stack traces.

use std::borrow::Cow;

use uuid::Uuid;

use crate::contract::subject::Subject;
use crate::domain::stable_uuid;

/// Longest class of an error, in characters.
const MAX_CLASS: usize = 500;
/// Words after which a number says what kind of error it is.
const BEFORE_CODES: [&str; 6] = ["answered", "status", "code", "http", "smtp", "sqlstate"];

/// What makes a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    pub id: Uuid,
    /// The error without ids, numbers and quotations.
    pub class: String,
}

impl Fingerprint {
    /// `kind` is the message's type: the step that it belongs to.
    pub fn of(queue: &str, reason: &str, kind: Option<&str>, error: &str, subject: &Subject) -> Self {
        let class = class_of(error, subject);
        let parts = [queue, reason, kind.unwrap_or_default(), &class];
        Self { id: stable_uuid(parts.join("\n").as_bytes()), class }
    }
}

/// The error's words, each part once.
fn class_of(error: &str, subject: &Subject) -> String {
    let general = general(&without_quotations(error), subject);
    let mut parts: Vec<&str> = Vec::new();
    for part in general.split("; ") {
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts.join("; ").chars().take(MAX_CLASS).collect()
}

/// What stands in double quotes is quoted from the message.
fn without_quotations(error: &str) -> Cow<'_, str> {
    let pieces: Vec<&str> = error.split('"').collect();
    // an odd number of quotes: nobody knows which are the inner parts
    if pieces.len() < 3 || pieces.len().is_multiple_of(2) {
        return Cow::Borrowed(error);
    }
    let pieces: Vec<&str> =
        pieces.iter().enumerate().map(|(i, piece)| if i % 2 == 1 { "<text>" } else { piece }).collect();
    Cow::Owned(pieces.concat())
}

fn general(error: &str, subject: &Subject) -> String {
    let mut general = String::with_capacity(error.len());
    let mut word = String::new();
    let mut context = Context::default();
    for c in error.chars().chain(std::iter::once('\n')) {
        if c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+') {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            let stem = word.trim_end_matches('.');
            let replaced = context.replace(stem, subject);
            // a list of ids is as good as one
            let is_repeated = replaced.starts_with('<') && general.trim_end_matches([' ', ',']).ends_with(&*replaced);
            match is_repeated {
                true => general.truncate(general.trim_end_matches([' ', ',']).len()),
                false => general.push_str(&replaced),
            }
            general.push_str(&word[stem.len()..]);
            word.clear();
        }
        general.push(c);
    }
    general.trim_end().to_owned()
}

/// What the words before say about a number.
#[derive(Default)]
struct Context {
    before: String,
    is_code: bool,
}

impl Context {
    fn replace<'a>(&mut self, word: &'a str, subject: &Subject) -> Cow<'a, str> {
        let lower = word.to_lowercase();
        let has_digit = word.contains(|c: char| c.is_ascii_digit());
        let names_code = BEFORE_CODES.contains(&self.before.as_str());
        // an enhanced status code follows the status it explains: 550 5.1.1 (RFC 3463)
        let is_code = has_digit && word.len() <= 5 && (names_code || (self.is_code && word.contains('.')));
        self.is_code = is_code;
        self.before = lower;
        if is_code {
            return Cow::Borrowed(word);
        }
        if word.contains('@') {
            return Cow::Borrowed("<email>");
        }
        if subject.names(word) {
            return Cow::Borrowed("<id>");
        }
        match has_digit {
            true if word.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+')) => Cow::Borrowed("<n>"),
            true => Cow::Borrowed("<id>"),
            false => Cow::Borrowed(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(error: &str) -> String {
        let body = br#"{"customer_id": "anna", "items": [{"sku": "WIDGET"}, {"sku": "GADGET-02"}]}"#;
        class_of(error, &Subject::of(body))
    }

    #[test]
    fn what_differs_from_message_to_message_is_left_out() {
        for (one, other) in [
            ("sku GADGET-02 unknown", "sku WIDGET unknown"),
            ("no product GADGET-02, WIDGET", "no product WIDGET"),
            ("the order of anna is closed", "the order of cust-17 is closed"),
            ("no answer within 5000 ms", "no answer within 10000 ms"),
            ("expected `,` at line 1 column 7", "expected `,` at line 3 column 12"),
            ("invalid type: string \"ten\", expected a number", "invalid type: string \"eleven\", expected a number"),
            ("/items/0/price must be positive; /items/1/price must be positive", "/items/4/price must be positive"),
            ("mailbox ada@shop.example is full.", "mailbox bob@other.example is full."),
            (
                "order 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 is gone",
                "order 0199c1d2-7a40-7c1e-9d43-0c2f5a1be002 is gone",
            ),
        ] {
            assert_eq!(class(one), class(other));
        }
    }

    #[test]
    fn what_tells_causes_apart_stays() {
        for (one, other) in [
            ("the gateway answered 503", "the gateway answered 400"),
            ("missing field `email`", "missing field `items`"),
            ("the server answered 550 5.1.1 no such user", "the server answered 550 5.2.2 mailbox full"),
            ("/items/0/price must be positive", "/items/0/quantity must be positive"),
            ("connection refused", "connection reset"),
        ] {
            assert_ne!(class(one), class(other));
        }
    }

    #[test]
    fn a_class_is_a_sentence_that_a_person_can_read() {
        assert_eq!(class("no product GADGET-02, X-99; order 17 stays."), "no product <id>; order <n> stays.");
    }

    #[test]
    fn the_same_words_at_another_consumer_are_another_group() {
        let of = |queue, kind| Fingerprint::of(queue, "refused", kind, "closed", &Subject::default()).id;
        assert_ne!(of("analytics", None), of("order_replies", None));
        assert_ne!(of("order_replies", Some("stock.reserved")), of("order_replies", Some("payment.taken")));
        assert_eq!(of("analytics", None), of("analytics", None));
    }
}
