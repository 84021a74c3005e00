//! Cursors: where a page ended, written so that clients treat it as opaque. Called by the listing handlers.

use std::fmt::Write;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{OrderId, Sku};
use crate::store::order_search::OrderPosition;

/// The cursor is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor of this list; take next_cursor from the page before")]
pub(super) struct ForeignCursor;

pub(super) fn of_order(position: OrderPosition) -> String {
    of_moment(position.created_at, position.id.0)
}

pub(super) fn read_order(cursor: &str) -> Result<OrderPosition, ForeignCursor> {
    read_moment(cursor).map(|(created_at, id)| OrderPosition { created_at, id: OrderId(id) })
}

/// Microseconds since 1970 and an id: 24 bytes.
pub(super) fn of_moment(at: OffsetDateTime, id: Uuid) -> String {
    let microseconds = i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or_default();
    hex(&[microseconds.to_be_bytes().as_slice(), id.as_bytes()].concat())
}

pub(super) fn read_moment(cursor: &str) -> Result<(OffsetDateTime, Uuid), ForeignCursor> {
    let bytes: [u8; 24] = unhex(cursor)?.try_into().map_err(|_| ForeignCursor)?;
    let (time, id) = bytes.split_at(8);
    let microseconds = i64::from_be_bytes(time.try_into().map_err(|_| ForeignCursor)?);
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(microseconds) * 1_000).map_err(|_| ForeignCursor)?;
    Ok((at, Uuid::from_slice(id).map_err(|_| ForeignCursor)?))
}

pub(super) fn of_product(sku: &Sku) -> String {
    hex(sku.as_str().as_bytes())
}

pub(super) fn read_product(cursor: &str) -> Result<Sku, ForeignCursor> {
    let text = String::from_utf8(unhex(cursor)?).map_err(|_| ForeignCursor)?;
    Sku::parse(text).map_err(|_| ForeignCursor)
}

/// Cuts a page that was read with one entry too many; that entry tells that another page follows the last one kept.
pub(super) fn cut<T>(entries: &mut Vec<T>, limit: i64, cursor: impl FnOnce(&T) -> String) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or_default();
    let more = entries.len() > limit;
    entries.truncate(limit);
    entries.last().filter(|_| more).map(cursor)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // writing to a string cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Result<Vec<u8>, ForeignCursor> {
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(ForeignCursor);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(ForeignCursor);
    }
    pairs.iter().map(|&[high, low]| u8::try_from(digit(high)? * 16 + digit(low)?).map_err(|_| ForeignCursor)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_position_survives_its_cursor(microseconds in 0_i64..4_000_000_000_000_000, id in any::<u128>()) {
            let created_at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(microseconds) * 1_000).expect("a date");
            let position = OrderPosition { created_at, id: OrderId(Uuid::from_u128(id)) };
            prop_assert_eq!(read_order(&of_order(position)), Ok(position));
        }

        #[test]
        fn whatever_a_client_sends_is_read_or_refused(text in any::<String>()) {
            let _ = read_order(&text);
            let _ = read_product(&text);
        }
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let sku = Sku::parse("A/1").expect("valid");
        assert_eq!(read_product(&of_product(&sku)), Ok(sku.clone()));
        assert_eq!(read_order(&of_product(&sku)), Err(ForeignCursor));
        assert_eq!(read_product(&of_order(OrderPosition::NEWEST)), Err(ForeignCursor));
    }
}
