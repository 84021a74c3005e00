//! Everything that can go wrong for the one who types: a sentence that says what to do, and an exit code for scripts.
//! Every file of the command line returns it; [`super::run`] prints it.

use std::fmt;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::contract::FieldError;

/// Exit codes. 2 is also what clap uses for a wrong flag.
pub const UNSUCCESSFUL: u8 = 1;
pub const BAD_INPUT: u8 = 2;
pub const UNREACHABLE: u8 = 3;
/// What a shell reports for a program that a closed pipe ended (128 + SIGPIPE), as `orders list | head -1` does.
const CLOSED_PIPE: u8 = 141;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Input(String),
    #[error("{subject} has {} at fault{}", count(.faults.len(), "field"), listed(.faults))]
    Faults { subject: String, faults: Vec<FieldError> },
    #[error("{0}")]
    Refused(Box<Problem>),
    #[error("{0}")]
    Unsuccessful(String),
    #[error("the API at {at} cannot be reached ({cause}): start order-api or correct --api-url (ORDERS_API_URL)")]
    Unreachable { at: String, cause: String },
    #[error("{at} answers, but not as order-api does ({found}): correct --api-url (ORDERS_API_URL)")]
    NotTheApi { at: String, found: String },
    #[error("the broker at {at} cannot be reached ({cause}): start RabbitMQ or correct --amqp-url (AMQP_URL)")]
    BrokerUnreachable { at: String, cause: String },
    #[error("{what} cannot be audited ({cause})")]
    CannotAudit { what: &'static str, cause: String },
    #[error("the output could not be written: {0}")]
    Output(#[from] io::Error),
}

impl Error {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Input(_) | Self::Faults { .. } => BAD_INPUT,
            Self::Refused(_) | Self::Unsuccessful(_) => UNSUCCESSFUL,
            Self::Unreachable { .. }
            | Self::NotTheApi { .. }
            | Self::BrokerUnreachable { .. }
            | Self::CannotAudit { .. } => UNREACHABLE,
            Self::Output(_) if self.is_closed_pipe() => CLOSED_PIPE,
            Self::Output(_) => UNSUCCESSFUL,
        }
    }

    /// Whoever read our output has gone: nothing is left to be said.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Every field at fault, whoever found it.
    pub fn faults(&self) -> &[FieldError] {
        match self {
            Self::Faults { faults, .. } => faults,
            Self::Refused(problem) => &problem.errors,
            Self::Input(_)
            | Self::Unsuccessful(_)
            | Self::Unreachable { .. }
            | Self::NotTheApi { .. }
            | Self::BrokerUnreachable { .. }
            | Self::CannotAudit { .. }
            | Self::Output(_) => &[],
        }
    }

    /// Whether the same request, sent again with the same key, may succeed; and how long the API asks to wait.
    pub fn retry(&self) -> Option<Duration> {
        match self {
            Self::Refused(problem) => problem.retry(),
            Self::Unreachable { .. } => Some(Duration::ZERO),
            Self::Input(_)
            | Self::Faults { .. }
            | Self::Unsuccessful(_)
            | Self::NotTheApi { .. }
            | Self::BrokerUnreachable { .. }
            | Self::CannotAudit { .. }
            | Self::Output(_) => None,
        }
    }
}

/// The API's `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// From the `Retry-After` header, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// From the `X-Correlation-Id` header: finds the request in the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Members of its own, such as `allowed_statuses`.
    #[serde(flatten)]
    pub members: Map<String, Value>,
}

impl Problem {
    /// The last part of `type`, as in `/problems/validation`.
    pub fn slug(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }

    /// As [`Error::retry`].
    pub fn retry(&self) -> Option<Duration> {
        let again = matches!(self.status, 429 | 503) || self.slug() == "idempotency-key-in-flight";
        again.then(|| Duration::from_secs(self.retry_after.unwrap_or(0)))
    }

    /// What the reader can do about it.
    fn advice(&self) -> String {
        match self.slug() {
            "validation" if self.errors.is_empty() => "correct the input and send it again".to_owned(),
            "not-found" => "check the spelling; `orders list`, `orders products list` and `orders webhooks list` show what is there".to_owned(),
            "idempotency-key-reused" => "use another --idempotency-key for another order".to_owned(),
            "idempotency-key-in-flight" => "the first request with this key is still at work, try again".to_owned(),
            "unauthenticated" => "give a token or an API key with ORDERS_TOKEN or --access-token".to_owned(),
            "overloaded" | "rate-limited" => match self.retry_after {
                Some(seconds) => format!("try again in {seconds} s or raise --retries"),
                None => "try again later or raise --retries".to_owned(),
            },
            "timeout" | "internal" => match &self.correlation_id {
                Some(id) => format!("try again; if it stays, look for the correlation id {id} in the log of order-api"),
                None => "try again; if it stays, look into the log of order-api".to_owned(),
            },
            _ => String::new(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.detail.is_empty() { &self.title } else { &self.detail };
        f.write_str(what.trim_end_matches('.'))?;
        let advice = self.advice();
        if !advice.is_empty() {
            write!(f, ": {advice}")?;
        }
        f.write_str(&listed(&self.errors))
    }
}

/// "1 field", "2 fields".
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn listed(faults: &[FieldError]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_to_do_and_names_every_field() {
        let problem = Problem {
            kind: "/problems/validation".to_owned(),
            title: "Invalid order".to_owned(),
            status: 422,
            detail: "2 fields are at fault.".to_owned(),
            errors: ["/email", "/items/0/sku"]
                .map(|pointer| FieldError { pointer: pointer.to_owned(), detail: "is required".to_owned() })
                .to_vec(),
            ..Problem::default()
        };
        assert_eq!(problem.to_string(), "2 fields are at fault\n  /email: is required\n  /items/0/sku: is required");
    }

    #[test]
    fn overload_is_retried_after_the_time_the_api_asks_for_and_a_refusal_is_not() {
        let overloaded = Problem { status: 503, retry_after: Some(7), ..Problem::default() };
        assert_eq!(Error::Refused(Box::new(overloaded)).retry(), Some(Duration::from_secs(7)));
        let refused = Problem { status: 422, ..Problem::default() };
        assert_eq!(Error::Refused(Box::new(refused)).retry(), None);
    }

    #[test]
    fn a_closed_pipe_is_no_error_to_talk_about() {
        let closed = Error::Output(io::ErrorKind::BrokenPipe.into());
        assert!(closed.is_closed_pipe());
        assert_eq!(closed.exit_code(), 141);
        assert_eq!(Error::Output(io::ErrorKind::StorageFull.into()).exit_code(), 1);
    }
}
