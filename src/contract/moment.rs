//! Reads points in time as clients and messages write them. Called by whatever reads a body, a parameter, a header or an argument.
//!
//! The answer is in UTC, in the years 1 to 9999: the last hours of 9999 west of Greenwich are in a year that the date type cannot
//! write, so that converting them later panics, and years before the first cannot be written as RFC 3339 again.

use time::format_description::well_known::{Iso8601, Rfc3339};
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// A time with its offset, as RFC 3339 writes it.
///
/// # Errors
/// What it should look like.
pub fn read_moment(text: &str) -> Result<OffsetDateTime, &'static str> {
    parse(text).and_then(in_utc).ok_or("must be a time as in 2026-01-31T12:00:00Z")
}

/// A time as in [`read_moment`], or a date for its first moment in UTC.
///
/// # Errors
/// What it should look like.
pub fn read_moment_or_date(text: &str) -> Result<OffsetDateTime, &'static str> {
    let date = || Date::parse(text, format_description!("[year]-[month]-[day]")).ok();
    parse(text)
        .or_else(|| date().map(|date| date.midnight().assume_utc()))
        .and_then(in_utc)
        .ok_or("must be a date as in 2026-01-31, or with a time as in 2026-01-31T12:00:00Z")
}

/// A time as in [`read_moment`], or in ISO 8601 without an offset as many clients write it; the latter is taken as UTC.
///
/// # Errors
/// What it should look like.
pub(super) fn read_local_moment(text: &str) -> Result<OffsetDateTime, &'static str> {
    let local = || PrimitiveDateTime::parse(text, &Iso8601::PARSING).ok();
    parse(text)
        .or_else(|| local().map(PrimitiveDateTime::assume_utc))
        .and_then(in_utc)
        .ok_or("must be a date and time as in 2026-01-31T12:00:00Z")
}

#[expect(clippy::disallowed_methods, reason = "what follows keeps the rule")]
fn parse(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

fn in_utc(time: OffsetDateTime) -> Option<OffsetDateTime> {
    time.checked_to_offset(UtcOffset::UTC).filter(|time| time.year() > 0)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_time_is_answered_in_utc_and_a_date_is_its_first_moment() {
        let noon = datetime!(2026-01-31 12:00 UTC);
        for text in ["2026-01-31T12:00:00Z", "2026-01-31T14:00:00+02:00", "2026-01-31t12:00:00.000z"] {
            assert_eq!(read_moment(text), Ok(noon), "{text}");
            assert_eq!(read_moment_or_date(text), Ok(noon), "{text}");
            assert_eq!(read_local_moment(text), Ok(noon), "{text}");
            assert_eq!(read_moment(text).map(OffsetDateTime::offset), Ok(UtcOffset::UTC));
        }
        assert_eq!(read_moment_or_date("2026-01-31"), Ok(datetime!(2026-01-31 0:00 UTC)));
        assert_eq!(read_local_moment("2026-01-31T12:00:00"), Ok(noon));
    }

    #[test]
    fn what_is_no_time_or_cannot_be_kept_is_refused() {
        for text in ["", "yesterday", "2026-02-30T00:00:00Z", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00"]
        {
            assert!(read_moment(text).is_err(), "{text}");
            assert!(read_moment_or_date(text).is_err(), "{text}");
            assert!(read_local_moment(text).is_err(), "{text}");
        }
        for text in ["20260131", "2026-031", "2026-W05-6", "2026-02-30", "0000-01-01", "2026-01-31T12:00:00"] {
            assert!(read_moment_or_date(text).is_err(), "{text}");
        }
    }
}
