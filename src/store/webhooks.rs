//! Endpoints of webhooks, as people manage them. Called by the HTTP API.

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::decode::decode;
use crate::domain::CustomerId;
use crate::domain::webhook::{EndpointState, EventPattern, Interest};

/// Where a partner is told of which events, and how it goes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Endpoint {
    pub id: Uuid,
    pub url: String,
    /// For people.
    pub description: String,
    pub event_types: Vec<EventPattern>,
    /// Only events about this customer's orders; `null` means all.
    pub customer_id: Option<CustomerId>,
    pub state: EndpointState,
    /// Why it is disabled.
    pub state_reason: Option<String>,
    /// Failed attempts in a row.
    pub failures: i32,
    /// When the first of them was; `null` when the last attempt succeeded.
    #[serde(with = "time::serde::rfc3339::option")]
    pub failing_since: Option<OffsetDateTime>,
    /// To within ten seconds.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_success_at: Option<OffsetDateTime>,
    /// Until when the secret before signs, too; `null` when it does not.
    #[serde(with = "time::serde::rfc3339::option")]
    pub previous_secret_valid_until: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

impl Endpoint {
    pub fn interest(&self) -> Interest {
        Interest { event_types: self.event_types.clone(), customer_id: self.customer_id.clone() }
    }
}

pub struct NewEndpoint {
    pub id: Uuid,
    pub url: String,
    pub description: String,
    pub interest: Interest,
    /// Sealed.
    pub secret: Vec<u8>,
}

/// What is to be changed; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct EndpointChange {
    pub url: Option<String>,
    pub description: Option<String>,
    pub event_types: Option<Vec<EventPattern>>,
    /// `Some(None)`: all customers.
    pub customer_id: Option<Option<CustomerId>>,
}

macro_rules! columns {
    () => {
        "id, url, description, event_types, customer_id, state, state_reason, failures, failing_since, last_success_at, \
         case when previous_valid_until > now() then previous_valid_until end as previous_valid_until, created_at, updated_at"
    };
}

/// # Errors
/// Any database error.
pub async fn create(db: &mut PgConnection, new: &NewEndpoint) -> Result<Endpoint, sqlx::Error> {
    let row = sqlx::query(concat!(
        "insert into webhook_endpoints (id, url, description, event_types, customer_id, secret) \
         values ($1, $2, $3, $4, $5, $6) returning ",
        columns!()
    ))
    .bind(new.id)
    .bind(&new.url)
    .bind(&new.description)
    .bind(texts(&new.interest.event_types))
    .bind(new.interest.customer_id.as_ref().map(CustomerId::as_str))
    .bind(&new.secret)
    .fetch_one(db)
    .await?;
    read(&row)
}

/// # Errors
/// Any database error.
pub async fn find(db: &mut PgConnection, id: Uuid) -> Result<Option<Endpoint>, sqlx::Error> {
    let query = sqlx::query(concat!("select ", columns!(), " from webhook_endpoints where id = $1"));
    query.bind(id).try_map(|row: PgRow| read(&row)).fetch_optional(db).await
}

/// As [`find`], and nobody else changes it before the transaction ends.
///
/// # Errors
/// Any database error.
pub async fn lock(db: &mut PgConnection, id: Uuid) -> Result<Option<Endpoint>, sqlx::Error> {
    let query = sqlx::query(concat!("select ", columns!(), " from webhook_endpoints where id = $1 for no key update"));
    query.bind(id).try_map(|row: PgRow| read(&row)).fetch_optional(db).await
}

/// At most `limit` endpoints after `after`, the oldest first.
///
/// # Errors
/// Any database error.
pub async fn page(db: &mut PgConnection, after: Uuid, limit: i64) -> Result<Vec<Endpoint>, sqlx::Error> {
    let query = concat!("select ", columns!(), " from webhook_endpoints where id > $1 order by id limit $2");
    sqlx::query(query).bind(after).bind(limit).try_map(|row: PgRow| read(&row)).fetch_all(db).await
}

/// # Errors
/// Any database error.
pub async fn change(db: &mut PgConnection, id: Uuid, change: &EndpointChange) -> Result<Option<Endpoint>, sqlx::Error> {
    sqlx::query(concat!(
        "update webhook_endpoints set url = coalesce($2, url), description = coalesce($3, description), \
             event_types = coalesce($4, event_types), customer_id = case when $5 then $6 else customer_id end, \
             updated_at = now() \
         where id = $1 returning ",
        columns!()
    ))
    .bind(id)
    .bind(&change.url)
    .bind(&change.description)
    .bind(change.event_types.as_deref().map(texts))
    .bind(change.customer_id.is_some())
    .bind(change.customer_id.as_ref().and_then(|customer| customer.as_ref()).map(CustomerId::as_str))
    .try_map(|row: PgRow| read(&row))
    .fetch_optional(db)
    .await
}

/// An endpoint that is enabled starts afresh: what went wrong before is not held against it.
///
/// # Errors
/// Any database error.
pub async fn set_state(db: &mut PgConnection, id: Uuid, state: EndpointState) -> Result<Option<Endpoint>, sqlx::Error> {
    sqlx::query(concat!(
        "update webhook_endpoints set state = $2, state_reason = null, updated_at = now(), \
             failures = case when $2 = 'enabled' and state <> 'enabled' then 0 else failures end, \
             failing_since = case when $2 = 'enabled' and state <> 'enabled' then null else failing_since end \
         where id = $1 returning ",
        columns!()
    ))
    .bind(id)
    .bind(state.as_str())
    .try_map(|row: PgRow| read(&row))
    .fetch_optional(db)
    .await
}

/// From now on `secret` (sealed) signs; the one before does so, too, for `overlap_seconds`.
///
/// # Errors
/// Any database error.
pub async fn rotate(
    db: &mut PgConnection,
    id: Uuid,
    secret: &[u8],
    overlap_seconds: i64,
) -> Result<Option<Endpoint>, sqlx::Error> {
    sqlx::query(concat!(
        "update webhook_endpoints set secret = $2, updated_at = now(), \
             previous_secret = case when $3 > 0 then secret end, \
             previous_valid_until = case when $3 > 0 then now() + make_interval(secs => $3) end \
         where id = $1 returning ",
        columns!()
    ))
    .bind(id)
    .bind(secret)
    .bind(overlap_seconds as f64)
    .try_map(|row: PgRow| read(&row))
    .fetch_optional(db)
    .await
}

/// Whether it was there. Its deliveries go when they are old.
///
/// # Errors
/// Any database error.
pub async fn delete(db: &mut PgConnection, id: Uuid) -> Result<bool, sqlx::Error> {
    let deleted = sqlx::query("delete from webhook_endpoints where id = $1").bind(id).execute(db).await?;
    Ok(deleted.rows_affected() > 0)
}

fn texts(patterns: &[EventPattern]) -> Vec<&str> {
    patterns.iter().map(EventPattern::as_str).collect()
}

pub(super) fn interest_of(row: &PgRow) -> Result<Interest, sqlx::Error> {
    let patterns: Vec<String> = row.try_get("event_types")?;
    let customer: Option<String> = row.try_get("customer_id")?;
    Ok(Interest {
        event_types: decode(patterns.into_iter().map(EventPattern::parse).collect())?,
        customer_id: decode(customer.map(CustomerId::parse).transpose())?,
    })
}

fn read(row: &PgRow) -> Result<Endpoint, sqlx::Error> {
    let Interest { event_types, customer_id } = interest_of(row)?;
    Ok(Endpoint {
        id: row.try_get("id")?,
        url: row.try_get("url")?,
        description: row.try_get("description")?,
        event_types,
        customer_id,
        state: decode(row.try_get::<String, _>("state")?.parse())?,
        state_reason: row.try_get("state_reason")?,
        failures: row.try_get("failures")?,
        failing_since: row.try_get("failing_since")?,
        last_success_at: row.try_get("last_success_at")?,
        previous_secret_valid_until: row.try_get("previous_valid_until")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}
