//! Answers given under an Idempotency-Key to requests that make no order. Called by the intake, always inside the transaction of what
//! the request does. Orders have a table of their own (`orders`), which is written in batches.

use sqlx::{PgConnection, Row};

use super::orders::ScopedKey;

/// What an earlier request under the key was, and what it was answered.
#[derive(Clone, Debug)]
pub struct EarlierAnswer {
    /// SHA-256 of the request.
    pub fingerprint: Vec<u8>,
    /// The body, byte for byte.
    pub response: String,
}

/// Takes the key, or returns what was answered under it. Waits for another transaction that has just taken it.
///
/// # Errors
/// Any database error.
pub async fn claim(
    db: &mut PgConnection,
    key: ScopedKey<'_>,
    fingerprint: &[u8],
) -> Result<Option<EarlierAnswer>, sqlx::Error> {
    let claimed = sqlx::query(
        "insert into idempotent_answers (scope, key, fingerprint, response) values ($1, $2, $3, 'null')
         on conflict (scope, key) do nothing",
    )
    .bind(key.0)
    .bind(key.1)
    .bind(fingerprint)
    .execute(&mut *db)
    .await?;
    if claimed.rows_affected() == 1 {
        return Ok(None);
    }
    let row = sqlx::query(
        "select fingerprint, response::text as response from idempotent_answers where scope = $1 and key = $2",
    )
    .bind(key.0)
    .bind(key.1)
    .fetch_one(db)
    .await?;
    Ok(Some(EarlierAnswer { fingerprint: row.try_get("fingerprint")?, response: row.try_get("response")? }))
}

/// Stores the answer under a key that this transaction has taken. `response` is JSON text.
///
/// # Errors
/// Any database error.
pub async fn answer(db: &mut PgConnection, key: ScopedKey<'_>, response: &str) -> Result<(), sqlx::Error> {
    sqlx::query("update idempotent_answers set response = $3::json where scope = $1 and key = $2")
        .bind(key.0)
        .bind(key.1)
        .bind(response)
        .execute(db)
        .await?;
    Ok(())
}
