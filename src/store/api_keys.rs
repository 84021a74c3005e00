//! The API keys of programs. Called by the HTTP API, which looks up what a caller presents, and by those who make and revoke keys.

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{Actor, ApiKey, Role, Trust, UnknownRole};
use crate::domain::CustomerId;

/// A key as it may be shown: everything but the key.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct KeyRecord {
    pub id: Uuid,
    /// How the key begins.
    #[schema(example = "fleet_1a2b3c4d")]
    pub prefix: String,
    /// The program's.
    #[schema(example = "shop-1")]
    pub name: String,
    pub role: Role,
    /// Whose things the key reaches; only of keys for a customer.
    #[schema(value_type = Option<String>)]
    pub customer_id: Option<CustomerId>,
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: OffsetDateTime,
    /// Who made it.
    #[schema(example = "admin:root")]
    pub created_by: String,
    /// `null`: never.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<OffsetDateTime>,
    /// To the minute; `null`: never.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<OffsetDateTime>,
}

/// What a new key is for.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Of the program, as [`ApiKey::read_name`] accepts it.
    pub name: String,
    pub trust: Trust,
    pub expires_at: Option<OffsetDateTime>,
}

/// # Errors
/// When the database is away.
pub async fn insert(
    conn: &mut PgConnection,
    key: &ApiKey,
    new: &NewKey,
    created_by: &Actor,
) -> Result<KeyRecord, sqlx::Error> {
    sqlx::query(
        "insert into api_keys (id, prefix, hash, name, role, customer_id, created_by, expires_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) \
         returning id, prefix, name, role, customer_id, created_at, created_by, expires_at, revoked_at, last_used_at",
    )
    .bind(Uuid::now_v7())
    .bind(key.prefix())
    .bind(key.hash())
    .bind(&new.name)
    .bind(new.trust.role().as_str())
    .bind(new.trust.only_customer().map(CustomerId::as_str))
    .bind(created_by.to_string())
    .bind(new.expires_at)
    .try_map(|row: PgRow| read_record(&row))
    .fetch_one(conn)
    .await
}

/// Who holds a key, and until when.
#[derive(Clone, Debug)]
pub struct Holder {
    pub actor: Actor,
    pub expires_at: Option<OffsetDateTime>,
}

/// The holder of the key with this hash, if it is neither revoked nor expired; notes, once a minute at most, that it was used.
///
/// # Errors
/// When the database is away.
pub async fn holder(conn: &mut PgConnection, hash: &[u8; 32]) -> Result<Option<Holder>, sqlx::Error> {
    sqlx::query(
        "with held as ( \
             select id, name, role, customer_id, expires_at, last_used_at from api_keys \
             where hash = $1 and revoked_at is null and (expires_at is null or expires_at > now()) \
         ), used as ( \
             update api_keys set last_used_at = now() from held \
             where api_keys.id = held.id and (held.last_used_at is null or held.last_used_at < now() - interval '1 minute') \
         ) \
         select name, role, customer_id, expires_at from held",
    )
    .bind(hash)
    .try_map(|row: PgRow| {
        let trust = read_trust(&row)?;
        let name: String = row.try_get("name")?;
        Ok(Holder { actor: Actor::service(name, trust), expires_at: row.try_get("expires_at")? })
    })
    .fetch_optional(conn)
    .await
}

/// Every key that was made, the newest first; at most `limit` below `before`.
///
/// # Errors
/// When the database is away.
pub async fn page(conn: &mut PgConnection, before: Uuid, limit: i64) -> Result<Vec<KeyRecord>, sqlx::Error> {
    sqlx::query(
        "select id, prefix, name, role, customer_id, created_at, created_by, expires_at, revoked_at, last_used_at \
         from api_keys where id < $1 order by id desc limit $2",
    )
    .bind(before)
    .bind(limit)
    .try_map(|row: PgRow| read_record(&row))
    .fetch_all(conn)
    .await
}

/// What became of a key that was to be revoked.
#[derive(Clone, Debug)]
pub enum Revoked {
    Now(KeyRecord),
    /// By somebody else, before.
    Before(KeyRecord),
    Unknown,
}

/// Locks the key's row until the transaction ends.
///
/// # Errors
/// When the database is away.
pub async fn revoke(conn: &mut PgConnection, id: Uuid) -> Result<Revoked, sqlx::Error> {
    let found = sqlx::query(
        "select id, prefix, name, role, customer_id, created_at, created_by, expires_at, revoked_at, last_used_at \
         from api_keys where id = $1 for update",
    )
    .bind(id)
    .try_map(|row: PgRow| read_record(&row))
    .fetch_optional(&mut *conn)
    .await?;
    let Some(record) = found else { return Ok(Revoked::Unknown) };
    if record.revoked_at.is_some() {
        return Ok(Revoked::Before(record));
    }
    let at: OffsetDateTime =
        sqlx::query_scalar("update api_keys set revoked_at = now() where id = $1 returning revoked_at")
            .bind(id)
            .fetch_one(conn)
            .await?;
    Ok(Revoked::Now(KeyRecord { revoked_at: Some(at), ..record }))
}

fn read_record(row: &PgRow) -> Result<KeyRecord, sqlx::Error> {
    let trust = read_trust(row)?;
    Ok(KeyRecord {
        id: row.try_get("id")?,
        prefix: row.try_get("prefix")?,
        name: row.try_get("name")?,
        role: trust.role(),
        customer_id: trust.only_customer().cloned(),
        created_at: row.try_get("created_at")?,
        created_by: row.try_get("created_by")?,
        expires_at: row.try_get("expires_at")?,
        revoked_at: row.try_get("revoked_at")?,
        last_used_at: row.try_get("last_used_at")?,
    })
}

fn read_trust(row: &PgRow) -> Result<Trust, sqlx::Error> {
    let broken = |error: Box<dyn std::error::Error + Send + Sync>| sqlx::Error::Decode(error);
    let role: Role = row.try_get::<&str, _>("role")?.parse().map_err(|error: UnknownRole| broken(error.into()))?;
    let customer_id: Option<String> = row.try_get("customer_id")?;
    let customer_id = customer_id.map(CustomerId::parse).transpose().map_err(|error| broken(error.into()))?;
    Trust::of(role, customer_id).ok_or_else(|| broken("a key for a customer without the customer".into()))
}
