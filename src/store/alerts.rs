//! Alerts: written by the scheduler's job in the transaction that marks what was told, sent afterwards.

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use uuid::Uuid;

/// Why the operator is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    NewGroup,
    /// Ten times as many as when it was last told.
    GroupGrown,
    /// It had been resolved.
    GroupReturned,
    /// No dead-letter-handler consumes.
    HandlerSilent,
    HandlerBack,
}

impl AlertKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewGroup => "new_group",
            Self::GroupGrown => "group_grown",
            Self::GroupReturned => "group_returned",
            Self::HandlerSilent => "handler_silent",
            Self::HandlerBack => "handler_back",
        }
    }
}

/// A group that the operator is to be told of.
#[derive(Clone, Debug)]
pub struct Untold {
    pub id: Uuid,
    pub queue: String,
    pub reason: String,
    pub kind: Option<String>,
    pub error: String,
    pub failures: i64,
    pub told_failures: i64,
    pub has_returned: bool,
    pub owner: Option<String>,
}

/// The groups that are to be told of now; they stay locked. Those that somebody acknowledged are quiet unless they grow;
/// what an operator drained they know of.
///
/// # Errors
/// Any database error.
pub async fn untold(db: &mut PgConnection, limit: i64) -> Result<Vec<Untold>, sqlx::Error> {
    sqlx::query(
        "select id, queue, reason, kind, error, failures, told_failures, has_returned, owner from dead_letter_groups
         where state <> 'resolved' and reason <> 'drained' and (told_failures = 0 or has_returned
             or floor(log(failures)) > floor(log(greatest(told_failures, 1))))
         order by last_seen limit $1 for update skip locked",
    )
    .bind(limit)
    .try_map(|row: PgRow| {
        Ok(Untold {
            id: row.try_get("id")?,
            queue: row.try_get("queue")?,
            reason: row.try_get("reason")?,
            kind: row.try_get("kind")?,
            error: row.try_get("error")?,
            failures: row.try_get("failures")?,
            told_failures: row.try_get("told_failures")?,
            has_returned: row.try_get("has_returned")?,
            owner: row.try_get("owner")?,
        })
    })
    .fetch_all(db)
    .await
}

/// Remembers that a group was told of, and how large it was.
///
/// # Errors
/// Any database error.
pub async fn told(db: &mut PgConnection, id: Uuid, failures: i64) -> Result<(), sqlx::Error> {
    sqlx::query("update dead_letter_groups set told_failures = $2, has_returned = false where id = $1")
        .bind(id)
        .bind(failures)
        .execute(db)
        .await
        .map(drop)
}

/// One alert.
#[derive(Clone, Debug)]
pub struct NewAlert<'a> {
    pub kind: AlertKind,
    pub group: Option<Uuid>,
    pub owner: Option<&'a str>,
    pub title: &'a str,
    pub body: &'a str,
}

/// # Errors
/// Any database error.
pub async fn raise(db: &mut PgConnection, alert: &NewAlert<'_>) -> Result<(), sqlx::Error> {
    sqlx::query("insert into alerts (id, kind, group_id, owner, title, body) values ($1, $2, $3, $4, $5, $6)")
        .bind(Uuid::now_v7())
        .bind(alert.kind.as_str())
        .bind(alert.group)
        .bind(alert.owner)
        .bind(alert.title)
        .bind(alert.body)
        .execute(db)
        .await
        .map(drop)
}

/// Whether a dead-letter-handler consumes, and whether the operator was last told that none does.
///
/// A fleet that has just been started gets a minute.
///
/// # Errors
/// Any database error.
pub async fn handler(db: &mut PgConnection) -> Result<(bool, bool), sqlx::Error> {
    let row = sqlx::query(
        "select exists(select 1 from instances where role = 'dead-letter-handler' and state = 'running'
                 and seen_at > now() - interval '20 seconds')
             or not exists(select 1 from instances where started_at < now() - interval '1 minute') as consumes,
             coalesce((select kind = 'handler_silent' from alerts where kind in ('handler_silent', 'handler_back')
                 order by at desc limit 1), false) as was_silent",
    )
    .fetch_one(db)
    .await?;
    Ok((row.try_get("consumes")?, row.try_get("was_silent")?))
}

/// An alert on its way to people.
#[derive(Clone, Debug)]
pub struct Unsent {
    pub id: Uuid,
    pub kind: String,
    pub owner: Option<String>,
    pub title: String,
    pub body: String,
    pub at: OffsetDateTime,
}

/// The next that is due; it stays locked.
///
/// # Errors
/// Any database error.
pub async fn next_unsent(db: &mut PgConnection) -> Result<Option<Unsent>, sqlx::Error> {
    sqlx::query(
        "select id, kind, owner, title, body, at from alerts where sent_at is null and next_at <= clock_timestamp()
         order by next_at limit 1 for update skip locked",
    )
    .try_map(|row: PgRow| {
        Ok(Unsent {
            id: row.try_get("id")?,
            kind: row.try_get("kind")?,
            owner: row.try_get("owner")?,
            title: row.try_get("title")?,
            body: row.try_get("body")?,
            at: row.try_get("at")?,
        })
    })
    .fetch_optional(db)
    .await
}

/// Notes how sending went. What failed is tried again after 5 s, 10 s, … up to 10 min.
///
/// # Errors
/// Any database error.
pub async fn note(db: &mut PgConnection, id: Uuid, error: Option<&str>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update alerts set attempts = attempts + 1, error = $2,
             sent_at = case when $2::text is null then clock_timestamp() end,
             next_at = clock_timestamp() + least(interval '5 seconds' * power(2, least(attempts, 10)), interval '10 minutes')
         where id = $1",
    )
    .bind(id)
    .bind(error)
    .execute(db)
    .await
    .map(drop)
}
