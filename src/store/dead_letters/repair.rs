//! Changes of what a dead letter says, and its end: repaired, restored, erased, forgotten.

use serde::Serialize;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::columns::all_columns;
use super::row::{DeadLetter, read};
use crate::store::decode::{json, json_column};
use crate::store::text::storable;

/// A free letter, for whoever changes it next. `None`: it is not there, or not unresolved.
///
/// # Errors
/// Any database error.
pub async fn lock(db: &mut PgConnection, id: Uuid) -> Result<Option<DeadLetter>, sqlx::Error> {
    sqlx::query(concat!(
        "select ",
        all_columns!(),
        " from dead_letters d where d.id = $1 and d.state = 'unresolved' and d.erased_at is null for update"
    ))
    .bind(id)
    .try_map(|row: PgRow| read(&row))
    .fetch_optional(db)
    .await
}

/// Replaces the payload, and keeps what it was.
///
/// # Errors
/// Any database error.
pub async fn edit(
    db: &mut PgConnection,
    id: Uuid,
    after: &[u8],
    patch: &Value,
    actor: &str,
    reason: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with before as (
             insert into dead_letter_edits (dead_letter_id, actor, reason, before, patch)
             select id, $3, $4, payload, $5::jsonb from dead_letters where id = $1
         )
         update dead_letters set payload = $2 where id = $1",
    )
    .bind(id)
    .bind(after)
    .bind(actor)
    .bind(storable(reason))
    .bind(json(patch)?)
    .execute(db)
    .await
    .map(drop)
}

/// One repair of a letter.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DeadLetterEdit)]
pub struct Edit {
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    pub actor: String,
    pub reason: String,
    /// JSON Patch (RFC 6902).
    #[schema(value_type = Vec<Object>)]
    pub patch: Value,
}

/// The oldest first.
///
/// # Errors
/// Any database error.
pub async fn edits(db: &mut PgConnection, id: Uuid) -> Result<Vec<Edit>, sqlx::Error> {
    sqlx::query(
        "select at, actor, reason, patch::text as patch from dead_letter_edits where dead_letter_id = $1 order by id",
    )
    .bind(id)
    .try_map(|row: PgRow| {
        Ok(Edit {
            at: row.try_get("at")?,
            actor: row.try_get("actor")?,
            reason: row.try_get("reason")?,
            patch: json_column(&row, "patch")?.unwrap_or_default(),
        })
    })
    .fetch_all(db)
    .await
}

/// Takes discards back; answers those that were discarded and are not erased.
///
/// # Errors
/// Any database error.
pub async fn restore(db: &mut PgConnection, ids: &[Uuid], why: &str) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "with picked as (
             select id from dead_letters where id = any($1) order by id for update
         )
         update dead_letters d set state = 'unresolved', state_reason = $2, state_changed_at = clock_timestamp()
         from picked where d.id = picked.id and d.state = 'discarded' and d.erased_at is null
         returning d.id",
    )
    .bind(ids)
    .bind(storable(why))
    .fetch_all(db)
    .await
}

/// The letters of a customer that still have personal data in them.
///
/// # Errors
/// Any database error.
pub async fn of_customer(db: &mut PgConnection, customer: &str) -> Result<Vec<DeadLetter>, sqlx::Error> {
    sqlx::query(concat!(
        "select ",
        all_columns!(),
        " from dead_letters d where d.customer_id = $1 and d.erased_at is null order by d.id for update"
    ))
    .bind(customer)
    .try_map(|row: PgRow| read(&row))
    .fetch_all(db)
    .await
}

/// What remains of a letter without personal data.
pub struct Remains {
    pub id: Uuid,
    pub payload: Vec<u8>,
    pub headers: Value,
    pub properties: Value,
    pub error: String,
}

/// Replaces a letter by its remains. It cannot be replayed any more; what was open is discarded.
///
/// # Errors
/// Any database error.
pub async fn erase(db: &mut PgConnection, remains: &Remains, why: &str) -> Result<(), sqlx::Error> {
    sqlx::query("delete from dead_letter_edits where dead_letter_id = $1").bind(remains.id).execute(&mut *db).await?;
    sqlx::query("update replay_items set detail = null where dead_letter_id = $1")
        .bind(remains.id)
        .execute(&mut *db)
        .await?;
    sqlx::query(
        "update dead_letter_deaths set error = '(erased)',
             attempts = (select coalesce(jsonb_agg(one || '{\"error\": \"(erased)\"}'), '[]') from jsonb_array_elements(attempts) one)
         where dead_letter_id = $1",
    )
    .bind(remains.id)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "update dead_letters set payload = $2, headers = $3::jsonb, properties = $4::jsonb, error = $5, customer_id = null,
             erased_at = clock_timestamp(), state_changed_at = clock_timestamp(),
             state = case when state in ('unresolved', 'parked') then 'discarded' else state end,
             state_reason = case when state in ('unresolved', 'parked') then $6 else state_reason end
         where id = $1",
    )
    .bind(remains.id)
    .bind(&remains.payload)
    .bind(json(&remains.headers)?)
    .bind(json(&remains.properties)?)
    .bind(storable(&remains.error))
    .bind(storable(why))
    .execute(db)
    .await
    .map(drop)
}
