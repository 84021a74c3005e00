//! Requests that have their effect once under an Idempotency-Key and make no order. Called by the HTTP API inside the transaction of
//! the effect; orders go their own way through the batcher.

use sqlx::PgConnection;

use super::idempotency::{Fingerprint, IdempotencyKey};
use crate::store::idempotent_answers;

/// What a request with a key is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Have its effect, then [`finish`].
    First,
    /// Give the first answer's body again.
    Again(String),
    /// The key belongs to another request.
    Reused,
}

/// Takes the key for this transaction; waits for another request that holds it right now.
///
/// # Errors
/// Any database error.
pub async fn begin(db: &mut PgConnection, key: &IdempotencyKey) -> Result<Turn, sqlx::Error> {
    let earlier = idempotent_answers::claim(db, (&key.scope, &key.key), key.fingerprint.as_bytes()).await?;
    Ok(match earlier {
        None => Turn::First,
        Some(earlier) if earlier.fingerprint == key.fingerprint.as_bytes() => Turn::Again(earlier.response),
        Some(_) => Turn::Reused,
    })
}

/// Keeps the answer, which counts once the transaction is committed. `body` is JSON text.
///
/// # Errors
/// Any database error.
pub async fn finish(db: &mut PgConnection, key: &IdempotencyKey, body: &str) -> Result<(), sqlx::Error> {
    idempotent_answers::answer(db, (&key.scope, &key.key), body).await
}

/// The fingerprint of a body that means something only on its path.
pub fn on_path(path: &str, body: Fingerprint) -> Fingerprint {
    Fingerprint::of(&[path.as_bytes(), b"\n", body.as_bytes()].concat())
}
