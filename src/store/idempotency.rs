//! Answers that were given under an Idempotency-Key. Called by the intake, always inside the transaction of the orders.

use std::collections::HashMap;

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::domain::OrderId;

/// A key to look up: whose it is, and the key itself.
pub type ScopedKey<'a> = (&'a str, &'a str);

/// What was answered under a key.
#[derive(Clone, Debug)]
pub struct StoredAnswer {
    /// SHA-256 of the body of the first request.
    pub fingerprint: Vec<u8>,
    pub order_id: OrderId,
    /// The first answer's body, byte for byte.
    pub response: String,
}

/// A key to store together with its order.
#[derive(Clone, Copy, Debug)]
pub struct NewAnswer<'a> {
    pub key: ScopedKey<'a>,
    pub fingerprint: &'a [u8],
    pub order_id: OrderId,
    pub response: &'a str,
}

/// # Errors
/// When the database is away.
pub async fn find_all(
    conn: &mut PgConnection,
    keys: &[ScopedKey<'_>],
) -> Result<HashMap<(String, String), StoredAnswer>, sqlx::Error> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(
        "select scope, key, fingerprint, order_id, response::text as response \
         from idempotency_keys join unnest($1::text[], $2::text[]) as asked (scope, key) using (scope, key)",
    )
    .bind(keys.iter().map(|key| key.0).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.1).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let answer = StoredAnswer {
                fingerprint: row.try_get("fingerprint")?,
                order_id: OrderId(row.try_get("order_id")?),
                response: row.try_get("response")?,
            };
            Ok(((row.try_get("scope")?, row.try_get("key")?), answer))
        })
        .collect()
}

/// Stores the keys that nobody has yet and returns the orders that got theirs. Waits for another process that is storing the
/// same key right now: if that one commits, this one does not get the key.
///
/// # Errors
/// When the database is away.
pub async fn claim_all(conn: &mut PgConnection, answers: &[NewAnswer<'_>]) -> Result<Vec<OrderId>, sqlx::Error> {
    if answers.is_empty() {
        return Ok(Vec::new());
    }
    // sorted, so that two processes with the same keys wait for each other in one direction only
    let claimed: Vec<Uuid> = sqlx::query_scalar(
        "insert into idempotency_keys (scope, key, fingerprint, order_id, response) \
         select scope, key, fingerprint, order_id, response::json \
         from unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[], $5::text[]) \
              as new (scope, key, fingerprint, order_id, response) \
         order by scope, key \
         on conflict (scope, key) do nothing \
         returning order_id",
    )
    .bind(answers.iter().map(|new| new.key.0).collect::<Vec<_>>())
    .bind(answers.iter().map(|new| new.key.1).collect::<Vec<_>>())
    .bind(answers.iter().map(|new| new.fingerprint).collect::<Vec<_>>())
    .bind(answers.iter().map(|new| new.order_id.0).collect::<Vec<_>>())
    .bind(answers.iter().map(|new| new.response).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    Ok(claimed.into_iter().map(OrderId).collect())
}
