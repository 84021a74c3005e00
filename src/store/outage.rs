//! Tells "the database is away" from "the database refuses this data". Called wherever the answer to the two differs: an outage
//! is waited out and costs nobody an attempt, refused data is somebody's fault.

/// Whether the same statement can be expected to succeed once the database is back.
pub fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| is_outage_code(&code)),
        // sqlx declares its enum open; what is left are faults of ours (columns, types, encoding)
        _ => false,
    }
}

/// Error codes of PostgreSQL, appendix A: connection (08), resources (53), operator intervention (57: shutdown, start-up, a
/// cancelled statement), system errors (58: the disk), and writing to a server that has become a standby (25006), a transaction that idled too long (25P03).
fn is_outage_code(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "53" | "57" | "58")) || matches!(code, "25006" | "25P03")
}

/// Whether the statement lost against another one (a deadlock, a lock not had in time, a serialization failure): the same
/// transaction succeeds when it is run again.
pub fn is_contention(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(refusal) => {
            refusal.code().is_some_and(|code| matches!(code.as_ref(), "40001" | "40P01" | "55P03"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shutdown_is_an_outage_and_a_broken_constraint_is_not() {
        for code in ["08006", "53300", "57P01", "57P03", "57014", "25006"] {
            assert!(is_outage_code(code), "{code}");
        }
        for code in ["23505", "22P05", "40P01", "42P01", ""] {
            assert!(!is_outage_code(code), "{code}");
        }
        assert!(is_outage(&sqlx::Error::PoolTimedOut));
        assert!(!is_outage(&sqlx::Error::RowNotFound));
    }
}
