//! How handling a message can fail, and which database errors are nobody's fault.

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
    /// The handler panicked.
    #[error("the handler panicked: {0}")]
    Panicked(String),
}

/// Whether the database as a whole is the trouble (away, restarting, a lock not had, a deadlock lost): then the batch waits and
/// is run again, and no message is blamed.
pub fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| is_outage_code(&code)),
        _ => false,
    }
}

/// SQLSTATE classes and codes (PostgreSQL documentation, appendix A).
fn is_outage_code(code: &str) -> bool {
    code.starts_with("08")      // connection
        || code.starts_with("53") // insufficient resources: disk full, out of memory, too many connections
        || code.starts_with("57") // operator intervention: shutdown, crash, statement timeout
        || code.starts_with("58") // system error: IO
        || matches!(code, "40001" | "40P01" | "55P03" | "25P03" | "25006" | "28P01" | "3D000")
}

/// The text of a panic, as far as it has one.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "no text".to_owned())
}
