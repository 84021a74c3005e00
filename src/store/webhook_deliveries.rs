//! The deliveries themselves: made by the analytics-service for each event, carried out and recorded by the webhook-service.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::decode::decode;
use super::text::storable;
use super::webhooks::interest_of;
use crate::domain::webhook::{DeliveryState, EndpointState, Interest};

/// An endpoint that is told of events.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub endpoint: Uuid,
    pub interest: Interest,
}

/// # Errors
/// Any database error.
pub async fn subscriptions(db: &mut PgConnection) -> Result<Vec<Subscription>, sqlx::Error> {
    sqlx::query("select id, event_types, customer_id from webhook_endpoints where state = 'enabled' order by id")
        .try_map(|row: PgRow| Ok(Subscription { endpoint: row.try_get("id")?, interest: interest_of(&row)? }))
        .fetch_all(db)
        .await
}

/// One event for one endpoint.
#[derive(Clone, Debug)]
pub struct Planned<'a> {
    pub id: Uuid,
    pub endpoint: Uuid,
    pub event_id: Uuid,
    pub event_type: &'a str,
}

/// Stores deliveries; answers which are new. Endpoints that are not enabled any more get none.
///
/// # Errors
/// Any database error.
pub async fn plan(db: &mut PgConnection, planned: &[Planned<'_>]) -> Result<HashSet<Uuid>, sqlx::Error> {
    let new: Vec<Uuid> = sqlx::query_scalar(
        "insert into webhook_deliveries (id, endpoint_id, event_id, event_type)
         select t.id, t.endpoint_id, t.event_id, t.event_type
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) as t (id, endpoint_id, event_id, event_type)
         join webhook_endpoints e on e.id = t.endpoint_id and e.state = 'enabled'
         order by t.id
         on conflict do nothing
         returning id",
    )
    .bind(planned.iter().map(|one| one.id).collect::<Vec<_>>())
    .bind(planned.iter().map(|one| one.endpoint).collect::<Vec<_>>())
    .bind(planned.iter().map(|one| one.event_id).collect::<Vec<_>>())
    .bind(planned.iter().map(|one| storable(one.event_type)).collect::<Vec<_>>())
    .fetch_all(db)
    .await?;
    Ok(new.into_iter().collect())
}

/// Everything that one delivery needs. Holds sealed secrets, so it has no `Debug`.
#[derive(Clone)]
pub struct Assignment {
    pub endpoint: Uuid,
    pub url: String,
    pub endpoint_state: EndpointState,
    /// Sealed, the newest first.
    pub secrets: Vec<Vec<u8>>,
    pub event_id: Uuid,
    pub event_type: String,
    pub state: DeliveryState,
    pub created_at: OffsetDateTime,
    /// JSON text and when it was recorded; `None` for a ping, or when the event is no longer kept.
    pub event: Option<(String, OffsetDateTime)>,
}

/// The deliveries of these that there are, endpoint included.
///
/// # Errors
/// Any database error.
pub async fn assignments(db: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Assignment>, sqlx::Error> {
    sqlx::query(
        "select d.id, d.endpoint_id, d.event_id, d.event_type, d.state, d.created_at, e.url, e.state as endpoint_state,
             e.secret, case when e.previous_valid_until > now() then e.previous_secret end as previous_secret,
             r.body::text as body, r.recorded_at
         from webhook_deliveries d
         join webhook_endpoints e on e.id = d.endpoint_id
         left join recorded_events r on r.message_id = d.event_id
         where d.id = any($1)",
    )
    .bind(ids)
    .try_map(|row: PgRow| {
        let secrets = [Some(row.try_get("secret")?), row.try_get("previous_secret")?].into_iter().flatten().collect();
        let body: Option<String> = row.try_get("body")?;
        let recorded_at: Option<OffsetDateTime> = row.try_get("recorded_at")?;
        let assignment = Assignment {
            endpoint: row.try_get("endpoint_id")?,
            url: row.try_get("url")?,
            endpoint_state: decode(row.try_get::<String, _>("endpoint_state")?.parse())?,
            secrets,
            event_id: row.try_get("event_id")?,
            event_type: row.try_get("event_type")?,
            state: decode(row.try_get::<String, _>("state")?.parse())?,
            created_at: row.try_get("created_at")?,
            event: body.zip(recorded_at),
        };
        Ok((row.try_get::<Uuid, _>("id")?, assignment))
    })
    .fetch_all(db)
    .await
    .map(|rows| rows.into_iter().collect())
}

/// What came of one delivery this time.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub id: Uuid,
    /// Where it stands now; what was once delivered stays so.
    pub state: DeliveryState,
    /// The call, if one was made.
    pub call: Option<Call>,
}

#[derive(Clone, Debug)]
pub struct Call {
    pub at: OffsetDateTime,
    pub duration_ms: i32,
    pub status: Option<i16>,
    pub error: Option<String>,
    pub response: String,
}

/// Writes the log and where each delivery stands.
///
/// # Errors
/// Any database error.
pub async fn record(db: &mut PgConnection, outcomes: &[Outcome]) -> Result<(), sqlx::Error> {
    if outcomes.is_empty() {
        return Ok(());
    }
    let calls: Vec<(Uuid, &Call)> =
        outcomes.iter().filter_map(|outcome| Some((outcome.id, outcome.call.as_ref()?))).collect();
    sqlx::query(
        "insert into webhook_attempts (delivery_id, at, duration_ms, status, error, response)
         select * from unnest($1::uuid[], $2::timestamptz[], $3::int[], $4::smallint[], $5::text[], $6::text[])",
    )
    .bind(calls.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(calls.iter().map(|(_, call)| call.at).collect::<Vec<_>>())
    .bind(calls.iter().map(|(_, call)| call.duration_ms).collect::<Vec<_>>())
    .bind(calls.iter().map(|(_, call)| call.status).collect::<Vec<_>>())
    .bind(calls.iter().map(|(_, call)| call.error.as_deref()).collect::<Vec<_>>())
    .bind(calls.iter().map(|(_, call)| call.response.as_str()).collect::<Vec<_>>())
    .execute(&mut *db)
    .await?;
    // one delivery may be there twice: a resend beside its first message
    sqlx::query(
        "with new as (
             select t.id, count(t.at) as calls, bool_or(t.state = 'delivered') as delivered, max(t.at) as at,
                    (array_agg(t.state order by t.place desc))[1] as state,
                    (array_agg(t.status order by t.place desc))[1] as status,
                    (array_agg(t.error order by t.place desc))[1] as error
             from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::smallint[], $5::text[])
                  with ordinality as t (id, state, at, status, error, place)
             group by t.id),
         locked as (select d.id from webhook_deliveries d join new on new.id = d.id order by d.id for no key update of d)
         update webhook_deliveries d set attempts = d.attempts + new.calls,
             state = case when d.state = 'delivered' or new.delivered then 'delivered' else new.state end,
             last_attempt_at = coalesce(new.at, d.last_attempt_at),
             last_status = case when new.calls > 0 then new.status else d.last_status end,
             last_error = case when new.calls > 0 then new.error else d.last_error end,
             delivered_at = case when new.delivered then new.at else d.delivered_at end
         from new join locked on locked.id = new.id where d.id = new.id",
    )
    .bind(outcomes.iter().map(|outcome| outcome.id).collect::<Vec<_>>())
    .bind(outcomes.iter().map(|outcome| outcome.state.as_str()).collect::<Vec<_>>())
    .bind(outcomes.iter().map(|outcome| outcome.call.as_ref().map(|call| call.at)).collect::<Vec<_>>())
    .bind(outcomes.iter().map(|outcome| outcome.call.as_ref().and_then(|call| call.status)).collect::<Vec<_>>())
    .bind(outcomes.iter().map(|outcome| outcome.call.as_ref().and_then(|call| call.error.as_deref())).collect::<Vec<_>>())
    .execute(db)
    .await
    .map(drop)
}

/// These endpoints have answered with success. Their rows are written only when that says something new.
///
/// # Errors
/// Any database error.
pub async fn note_successes(db: &mut PgConnection, endpoints: &[Uuid]) -> Result<(), sqlx::Error> {
    if endpoints.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "with news as (
             select id from webhook_endpoints
             where id = any($1)
                 and (failures > 0 or last_success_at is null or last_success_at < now() - interval '10 seconds')
             order by id for no key update)
         update webhook_endpoints e set failures = 0, failing_since = null, last_success_at = now()
         from news where e.id = news.id",
    )
    .bind(endpoints)
    .execute(db)
    .await
    .map(drop)
}

/// Adds failed attempts to the endpoints that they belong to.
///
/// # Errors
/// Any database error.
pub async fn note_failures(db: &mut PgConnection, failures: &BTreeMap<Uuid, i32>) -> Result<(), sqlx::Error> {
    if failures.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "with failed as (select * from unnest($1::uuid[], $2::int[]) as t (id, times)),
         locked as (select id from webhook_endpoints where id = any($1) order by id for no key update)
         update webhook_endpoints e
         set failures = e.failures + failed.times, failing_since = coalesce(e.failing_since, now())
         from failed join locked on locked.id = failed.id where e.id = failed.id",
    )
    .bind(failures.keys().copied().collect::<Vec<_>>())
    .bind(failures.values().copied().collect::<Vec<_>>())
    .execute(db)
    .await
    .map(drop)
}

/// When an endpoint has failed for long enough to be given up.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub hours: u16,
    pub failures: u16,
}

/// An endpoint that was given up just now.
#[derive(Clone, Debug)]
pub struct GivenUp {
    pub endpoint: Uuid,
    pub description: String,
    pub reason: String,
    pub failures: i32,
    pub failing_since: Option<OffsetDateTime>,
}

/// Disables those of the endpoints with failures that have failed for too long, and those that are `gone` by their own word.
///
/// # Errors
/// Any database error.
pub async fn give_up(
    db: &mut PgConnection,
    failing: &[Uuid],
    gone: &[Uuid],
    patience: Patience,
) -> Result<Vec<GivenUp>, sqlx::Error> {
    if failing.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query(
        "update webhook_endpoints set state = 'disabled', updated_at = now(), state_reason = case
                 when id = any($2) then 'the endpoint answered 410 Gone'
                 else 'nothing but failures for ' || $3::int || ' h and ' || $4::int || ' attempts at least' end
         where id = any($1) and state = 'enabled'
             and (id = any($2) or (failures >= $4::int and failing_since <= now() - make_interval(hours => $3::int)))
         returning id, description, state_reason, failures, failing_since",
    )
    .bind(failing)
    .bind(gone)
    .bind(i32::from(patience.hours))
    .bind(i32::from(patience.failures))
    .try_map(|row: PgRow| {
        Ok(GivenUp {
            endpoint: row.try_get("id")?,
            description: row.try_get("description")?,
            reason: row.try_get("state_reason")?,
            failures: row.try_get("failures")?,
            failing_since: row.try_get("failing_since")?,
        })
    })
    .fetch_all(db)
    .await
}
