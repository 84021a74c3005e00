//! Turns columns into domain values; a value that breaks a rule is a decode error, never a panic.

use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::postgres::PgRow;

/// # Errors
/// [`sqlx::Error::Decode`] with the rule that the stored value breaks.
pub fn decode<T, E: std::error::Error + Send + Sync + 'static>(parsed: Result<T, E>) -> Result<T, sqlx::Error> {
    parsed.map_err(|error| sqlx::Error::Decode(error.into()))
}

/// A column that was selected as the text of a JSON value.
///
/// # Errors
/// [`sqlx::Error::Decode`] when the JSON is not a `T`.
pub fn json_column<T: DeserializeOwned>(row: &PgRow, column: &str) -> Result<Option<T>, sqlx::Error> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|text| decode(serde_json::from_str(text))).transpose()
}

/// Writes a value as JSON text, to be cast by the statement.
///
/// # Errors
/// [`sqlx::Error::Encode`] for maps whose keys are no strings.
pub fn json<T: serde::Serialize>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}
