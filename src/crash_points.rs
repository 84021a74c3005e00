//! Boundaries at which a process may be made to die, to prove that nothing is lost or doubled there. Compiled to nothing without
//! the feature `crash-points`.

/// Where work changes hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// The outside world has been asked, nothing is written down yet.
    AfterOutsideCall,
    /// The effects are in the transaction.
    BeforeCommit,
    /// The effects are committed, what they cause is not published.
    AfterCommit,
    /// What they cause is written to the broker, not yet confirmed.
    AfterPublish,
    /// Confirmed, the input is not acknowledged (the relay: the outbox row is not deleted).
    AfterConfirm,
    /// Acknowledged.
    AfterAck,
    /// The run of a message that came back, or of a suspect alone, has been written down, and not begun.
    AfterMark,
}

impl Boundary {
    pub const ALL: [Self; 7] = [
        Self::AfterOutsideCall,
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::AfterPublish,
        Self::AfterConfirm,
        Self::AfterAck,
        Self::AfterMark,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::AfterOutsideCall => "after_outside_call",
            Self::BeforeCommit => "before_commit",
            Self::AfterCommit => "after_commit",
            Self::AfterPublish => "after_publish",
            Self::AfterConfirm => "after_confirm",
            Self::AfterAck => "after_ack",
            Self::AfterMark => "after_mark",
        }
    }
}

#[cfg(feature = "crash-points")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::Boundary;

    static CRASH_AT: OnceLock<String> = OnceLock::new();
    static PASSED: AtomicU32 = AtomicU32::new(0);

    /// Makes the process die at `role/boundary` or, as `role/boundary/3`, when it passes there the third time. The role may also be
    /// `intake` (the accept path of the API), `relay` (the outbox) or `replay` (of dead letters).
    pub fn arm(crash_at: &str) {
        // A second arming would be a mistake of the test; the first one counts.
        let _ = CRASH_AT.set(crash_at.to_owned());
    }

    pub fn crash_point(role: &str, boundary: Boundary) {
        let Some(crash_at) = CRASH_AT.get() else { return };
        let here = format!("{role}/{}", boundary.as_str());
        let (place, nth) = match crash_at.strip_prefix(&here) {
            Some("") => (true, 1),
            Some(rest) => (true, rest.trim_start_matches('/').parse().unwrap_or(1)),
            None => (false, 0),
        };
        if place && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == nth {
            tracing::error!(here, "dying on request");
            std::process::abort();
        }
    }

    /// Armed as `role/poison/TEXT`: dies over every message of the role that contains the text.
    pub fn poison_point(role: &str, body: &[u8]) {
        let armed = CRASH_AT.get().and_then(|crash_at| crash_at.strip_prefix(role)?.strip_prefix("/poison/"));
        if armed.is_some_and(|text| body.windows(text.len().max(1)).any(|part| part == text.as_bytes())) {
            tracing::error!(role, "dying over a poisonous message");
            std::process::abort();
        }
    }
}

#[cfg(feature = "crash-points")]
pub use armed::{arm, crash_point, poison_point};

/// Does nothing: this build has no crash points.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn crash_point(_role: &str, _boundary: Boundary) {}

/// Does nothing: this build has no crash points.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn poison_point(_role: &str, _body: &[u8]) {}
