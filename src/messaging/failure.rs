//! How handling a message can fail.

/// Why one message was not handled. Business outcomes (declined, out of stock) are not failures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It cannot be read; trying again cannot help.
    #[error("{0}")]
    BadMessage(String),
    /// It can be read, but a rule of the business refuses it for good.
    #[error("{0}")]
    Refused(String),
    /// Something went wrong that may go right next time. The text is the whole error chain.
    #[error("{0}")]
    Transient(String),
    /// Its turn has not come: it waits on this rung of the ladder, counted from 0, and keeps its attempt.
    #[error("{why}")]
    NotNow { rung: usize, why: String },
    /// The handler panicked.
    #[error("the handler panicked: {0}")]
    Panicked(String),
    /// The process died over it, more than once.
    #[error("{0}")]
    Poisonous(String),
}

/// The text of a panic, as far as it has one.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "no text".to_owned())
}
