//! What every transport answers, and the deadline all of them run under. Used by mail, SMS and push, and by the three
//! notification services, which turn [`SendError`] into "tell nobody", "later" or "dead letter".

use std::future::Future;
use std::time::Duration;

/// The transport has taken the message over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// `smtp`, `http` or `folder`, as in `notification_deliveries.transport`.
    pub transport: &'static str,
    /// The provider's id of the message, or the file's name.
    pub reference: String,
}

/// Why a message was not sent. Reasons hold no address, number or credential: they are made for logs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Permanent for this message: repeating it cannot help.
    #[error("refused: {reason}")]
    Refused { reason: String },
    /// Says nothing about this message: an outage, a limit, a wrong setting of ours, or no answer in time. After a timeout the
    /// message may have gone out, so a repeat carries the same key.
    #[error("unavailable: {reason}")]
    Unavailable { reason: String, retry_after: Option<Duration> },
}

impl SendError {
    pub(super) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into(), retry_after: None }
    }
}

/// What an answer of a provider means; each transport has one function that decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Refused,
    Unavailable,
}

/// Why a transport cannot be built from its settings. Shown at start; holds no credential.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("{option}: {problem}")]
    Option { option: &'static str, problem: String },
    #[error("{option}: {} cannot be used", path.display())]
    File { option: &'static str, path: std::path::PathBuf, source: std::io::Error },
    #[error("the HTTP client cannot be built")]
    Client(#[source] reqwest::Error),
    #[error("an e-mail template is broken")]
    Template(#[from] minijinja::Error),
}

impl SetupError {
    pub(crate) fn option(option: &'static str, problem: impl Into<String>) -> Self {
        Self::Option { option, problem: problem.into() }
    }
}

/// Runs a whole call, connecting included, under one deadline: the clients' own timeouts leave out parts of it.
pub(super) async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, SendError>>,
) -> Result<T, SendError> {
    match tokio::time::timeout(deadline, call).await {
        Ok(outcome) => outcome,
        Err(_) => Err(SendError::unavailable(format!("no answer within {} ms", deadline.as_millis()))),
    }
}

/// Longest text of a provider that is kept: enough for its sentence, too little for a page of HTML.
const LONGEST_REASON: usize = 300;

/// A provider's words made fit for logs: one line, bounded, and the customer's address masked where it is echoed.
pub(super) fn for_logs(text: &str, contact: &str, masked: &str) -> String {
    let text = if contact.is_empty() { text.to_owned() } else { text.replace(contact, masked) };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_echoes_the_address_does_not_bring_it_into_the_logs() {
        let reason = for_logs("5.1.1 <ada@shop.example>\r\nunknown", "ada@shop.example", "a***@shop.example");
        assert_eq!(reason, "5.1.1 <a***@shop.example>  unknown");
        assert_eq!(for_logs(&"x".repeat(5_000), "", "").len(), LONGEST_REASON);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_never_answers_ends_at_its_deadline() {
        let outcome = within(Duration::from_secs(7), std::future::pending::<Result<(), SendError>>()).await;
        assert_eq!(outcome, Err(SendError::unavailable("no answer within 7000 ms")));
    }
}
