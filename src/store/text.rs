//! What PostgreSQL cannot hold in a `text` column.

/// The text with every NUL replaced: PostgreSQL stores any other character.
pub fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
