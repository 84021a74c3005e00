//! Reads the broker's 406 answer: which argument differs, what it has and what we want.

use std::fmt;

/// A queue or an exchange exists with another property than ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// `queue` or `exchange`.
    pub entity: &'static str,
    pub name: String,
    /// The argument or property, as in `x-message-ttl`.
    pub argument: String,
    /// The value on the broker, in its own words.
    pub actual: String,
    /// The value we would declare.
    pub wanted: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} '{}' exists with another {}: the broker has {}, we declare {}",
            self.entity, self.name, self.argument, self.actual, self.wanted
        )
    }
}

impl Mismatch {
    /// Parses the reply text of a failed declaration. The tail differs between broker versions, so whatever cannot be
    /// understood is kept as the broker wrote it.
    pub fn parse(entity: &'static str, name: &str, reply: &str) -> Self {
        let argument = between(reply, "inequivalent arg '", "'").unwrap_or("property").to_owned();
        let tail = reply.rsplit_once("received ").map_or(reply, |(_, tail)| tail);
        let (wanted, actual) = tail.split_once(" but current is ").unwrap_or(("something else", tail));
        Self { entity, name: name.to_owned(), argument, actual: value(actual), wanted: value(wanted) }
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

/// `the value '5000' of type 'long'` becomes `'5000'`.
fn value(text: &str) -> String {
    let text = text.trim().trim_start_matches("the value ");
    text.split_once(" of type ").map_or(text, |(value, _)| value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_of_old_and_new_brokers_are_understood() {
        let old = "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost 'v': received the value 'quorum' of type 'longstr' but current is none";
        let found = Mismatch::parse("queue", "q", old);
        assert_eq!(
            (found.argument.as_str(), found.actual.as_str(), found.wanted.as_str()),
            ("x-queue-type", "none", "'quorum'")
        );
        let new = "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost 'v': received 'quorum' but current is 'classic'";
        assert_eq!(Mismatch::parse("queue", "q", new).actual, "'classic'");
        let ttl = "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost 'v': received the value '5000' of type 'signedint' but current is the value '7000' of type 'signedint'";
        let found = Mismatch::parse("queue", "q", ttl);
        assert_eq!(
            found.to_string(),
            "queue 'q' exists with another x-message-ttl: the broker has '7000', we declare '5000'"
        );
    }
}
