//! What was sent to an endpoint: the log that people read, and what they have sent again. Called by the HTTP API.

use std::collections::HashSet;

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use time::macros::datetime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::decode::decode;
use super::text::storable;
use crate::domain::webhook::{DeliveryState, Interest};

/// One event on its way to one endpoint.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Delivery {
    pub id: Uuid,
    /// `webhook-id` on the wire.
    pub event_id: Uuid,
    pub event_type: String,
    pub state: DeliveryState,
    /// Calls made so far.
    pub attempts: i32,
    /// HTTP status of the last answer; `null` when none came.
    pub last_status: Option<i16>,
    /// Why the last attempt was no success.
    pub last_error: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_attempt_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub delivered_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// One call of an endpoint.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LoggedAttempt {
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    pub duration_ms: i32,
    /// HTTP status; `null` when no answer came.
    pub status: Option<i16>,
    /// Why it was no success; `null` when it was one.
    pub error: Option<String>,
    /// The first kilobyte of the answer.
    pub response: Option<String>,
}

/// Attempts of one delivery that are shown: the newest.
const SHOWN: i64 = 100;

/// Which deliveries are meant.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<DeliveryState>,
    pub event_type: Option<String>,
    pub since: Option<OffsetDateTime>,
    pub until: Option<OffsetDateTime>,
}

/// Where a page ends: a time and the id that stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub at: OffsetDateTime,
    pub id: Uuid,
}

impl Position {
    /// After everything: the last moment that the date type can write.
    pub const NEWEST: Self = Self { at: datetime!(9999-12-31 23:59:59 UTC), id: Uuid::max() };
}

macro_rules! columns {
    () => {
        "id, event_id, event_type, state, attempts, last_status, last_error, last_attempt_at, delivered_at, created_at"
    };
}

/// At most `limit` deliveries to an endpoint below `position`, the newest first.
///
/// # Errors
/// Any database error.
pub async fn page(
    db: &mut PgConnection,
    endpoint: Uuid,
    filter: &Filter,
    position: Position,
    limit: i64,
) -> Result<Vec<Delivery>, sqlx::Error> {
    sqlx::query(concat!(
        "select ",
        columns!(),
        " from webhook_deliveries where endpoint_id = $1 and (created_at, id) < ($2, $3) \
             and ($4::text is null or state = $4) and ($5::text is null or event_type = $5) \
             and ($6::timestamptz is null or created_at >= $6) and ($7::timestamptz is null or created_at < $7) \
         order by created_at desc, id desc limit $8"
    ))
    .bind(endpoint)
    .bind(position.at)
    .bind(position.id)
    .bind(filter.state.map(DeliveryState::as_str))
    .bind(filter.event_type.as_deref().map(storable))
    .bind(filter.since)
    .bind(filter.until)
    .bind(limit)
    .try_map(|row: PgRow| read(&row))
    .fetch_all(db)
    .await
}

/// One delivery of this endpoint.
///
/// # Errors
/// Any database error.
pub async fn find(db: &mut PgConnection, endpoint: Uuid, id: Uuid) -> Result<Option<Delivery>, sqlx::Error> {
    let query = concat!("select ", columns!(), " from webhook_deliveries where id = $1 and endpoint_id = $2");
    sqlx::query(query).bind(id).bind(endpoint).try_map(|row: PgRow| read(&row)).fetch_optional(db).await
}

/// The newest attempts of a delivery, the oldest of them first.
///
/// # Errors
/// Any database error.
pub async fn attempts(db: &mut PgConnection, delivery: Uuid) -> Result<Vec<LoggedAttempt>, sqlx::Error> {
    sqlx::query(
        "select at, duration_ms, status, error, response from (
             select * from webhook_attempts where delivery_id = $1 order by id desc limit $2) as newest order by id",
    )
    .bind(delivery)
    .bind(SHOWN)
    .try_map(|row: PgRow| {
        Ok(LoggedAttempt {
            at: row.try_get("at")?,
            duration_ms: row.try_get("duration_ms")?,
            status: row.try_get("status")?,
            error: row.try_get("error")?,
            response: row.try_get("response")?,
        })
    })
    .fetch_all(db)
    .await
}

/// An event that was recorded.
#[derive(Clone, Debug)]
pub struct PastEvent {
    pub id: Uuid,
    pub event_type: String,
    pub recorded_at: OffsetDateTime,
}

/// At most `limit` recorded events of interest from `since` on and before `until`, after `position`, the oldest first.
///
/// # Errors
/// Any database error.
pub async fn past_events(
    db: &mut PgConnection,
    interest: &Interest,
    (since, until): (OffsetDateTime, OffsetDateTime),
    position: Option<Position>,
    limit: i64,
) -> Result<Vec<PastEvent>, sqlx::Error> {
    let prefixes: Vec<&str> = interest.event_types.iter().filter_map(|pattern| pattern.prefix()).collect();
    let exact: Vec<&str> = interest
        .event_types
        .iter()
        .filter(|pattern| pattern.prefix().is_none())
        .map(|pattern| pattern.as_str())
        .collect();
    sqlx::query(
        "select message_id, routing_key, recorded_at from recorded_events
         where recorded_at >= $1 and recorded_at < $2
             and ($3::timestamptz is null or (recorded_at, message_id) > ($3, $4))
             and (routing_key = any($5) or exists (select from unnest($6::text[]) as p (prefix)
                                                   where starts_with(routing_key, p.prefix)))
             and ($7::text is null or body ->> 'customer_id' = $7)
         order by recorded_at, message_id limit $8",
    )
    .bind(since)
    .bind(until)
    .bind(position.map(|position| position.at))
    .bind(position.map(|position| position.id))
    .bind(exact)
    .bind(prefixes)
    .bind(interest.customer_id.as_ref().map(|customer| customer.as_str()))
    .bind(limit)
    .try_map(|row: PgRow| {
        let (id, event_type) = (row.try_get("message_id")?, row.try_get("routing_key")?);
        Ok(PastEvent { id, event_type, recorded_at: row.try_get("recorded_at")? })
    })
    .fetch_all(db)
    .await
}

/// A delivery to be made.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    pub id: Uuid,
    pub event_id: Uuid,
    pub event_type: String,
}

/// Makes deliveries pending, those that are new and those that were made without success; answers which. The others have
/// succeeded.
///
/// # Errors
/// Any database error.
pub async fn send_again(
    db: &mut PgConnection,
    endpoint: Uuid,
    deliveries: &[NewDelivery],
) -> Result<HashSet<Uuid>, sqlx::Error> {
    if deliveries.is_empty() {
        return Ok(HashSet::new());
    }
    let pending: Vec<Uuid> = sqlx::query_scalar(
        "insert into webhook_deliveries as d (id, endpoint_id, event_id, event_type)
         select t.id, $1, t.event_id, t.event_type
         from unnest($2::uuid[], $3::uuid[], $4::text[]) as t (id, event_id, event_type) order by t.id
         on conflict (id) do update set state = 'pending' where d.state <> 'delivered'
         returning id",
    )
    .bind(endpoint)
    .bind(deliveries.iter().map(|delivery| delivery.id).collect::<Vec<_>>())
    .bind(deliveries.iter().map(|delivery| delivery.event_id).collect::<Vec<_>>())
    .bind(deliveries.iter().map(|delivery| delivery.event_type.as_str()).collect::<Vec<_>>())
    .fetch_all(db)
    .await?;
    Ok(pending.into_iter().collect())
}

fn read(row: &PgRow) -> Result<Delivery, sqlx::Error> {
    Ok(Delivery {
        id: row.try_get("id")?,
        event_id: row.try_get("event_id")?,
        event_type: row.try_get("event_type")?,
        state: decode(row.try_get::<String, _>("state")?.parse())?,
        attempts: row.try_get("attempts")?,
        last_status: row.try_get("last_status")?,
        last_error: row.try_get("last_error")?,
        last_attempt_at: row.try_get("last_attempt_at")?,
        delivered_at: row.try_get("delivered_at")?,
        created_at: row.try_get("created_at")?,
    })
}
