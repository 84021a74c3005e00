//! What operators look at: lists, single rows, counts.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;
use uuid::Uuid;

use super::claim::LEASE_MINUTES;
use super::columns::{all_columns, summary_columns};
use super::row::{DeadLetter, State, Summary, read, read_summary};
use crate::contract::status::DeadLetterGroup;
use crate::store::decode::{decode, json_column};

/// Which dead letters; every part that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub group_id: Option<Uuid>,
    pub queue: Option<String>,
    pub reason: Option<String>,
    /// The message's type.
    pub kind: Option<String>,
    pub order_id: Option<Uuid>,
    pub customer_id: Option<String>,
    pub sku: Option<String>,
    /// Part of the error, in any case.
    pub text: Option<String>,
    /// Last failure at this time or later.
    pub since: Option<OffsetDateTime>,
    /// Last failure before this time.
    pub until: Option<OffsetDateTime>,
}

impl fmt::Display for Filter {
    /// In words, as in `queue analytics, since 2026-01-31T12:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
        let parts = [
            ("state", self.state.map(|state| state.to_string())),
            ("group", self.group_id.map(|id| id.to_string())),
            ("queue", self.queue.clone()),
            ("reason", self.reason.clone()),
            ("type", self.kind.clone()),
            ("order", self.order_id.map(|id| id.to_string())),
            ("customer", self.customer_id.clone()),
            ("sku", self.sku.clone()),
            ("text", self.text.clone()),
            ("since", self.since.map(time)),
            ("until", self.until.map(time)),
        ];
        let parts: Vec<String> =
            parts.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))).collect();
        if parts.is_empty() { f.write_str("everything") } else { f.write_str(&parts.join(", ")) }
    }
}

impl Filter {
    /// Whether it leaves anything out.
    pub fn is_empty(&self) -> bool {
        let Self { state, group_id, queue, reason, kind, order_id, customer_id, sku, text, since, until } = self;
        state.is_none()
            && group_id.is_none()
            && order_id.is_none()
            && since.is_none()
            && until.is_none()
            && [queue, reason, kind, customer_id, sku, text].into_iter().all(Option::is_none)
    }

    /// Adds the conditions to a query that has come to its `where`. Only what is given is there, so that each has its index.
    pub(super) fn conditions(&self, query: &mut QueryBuilder<Postgres>) {
        query.push(" true");
        if let Some(state) = self.state {
            query.push(" and d.state = ").push_bind(state.as_str());
        }
        for (column, id) in [("group_id", self.group_id), ("order_id", self.order_id)] {
            if let Some(id) = id {
                query.push(format_args!(" and d.{column} = ")).push_bind(id);
            }
        }
        for (column, text) in
            [("queue", &self.queue), ("reason", &self.reason), ("kind", &self.kind), ("customer_id", &self.customer_id)]
        {
            if let Some(text) = text {
                query.push(format_args!(" and d.{column} = ")).push_bind(text.clone());
            }
        }
        if let Some(sku) = &self.sku {
            query.push(" and d.skus @> array[").push_bind(sku.clone()).push("]");
        }
        if let Some(text) = &self.text {
            query.push(" and lower(d.error) like ").push_bind(format!("%{}%", literally(&text.to_lowercase())));
        }
        if let Some(since) = self.since {
            query.push(" and d.last_failed_at >= ").push_bind(since);
        }
        if let Some(until) = self.until {
            query.push(" and d.last_failed_at < ").push_bind(until);
        }
    }
}

/// A text that means itself in a `like`.
fn literally(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// What can be replayed now: unresolved, or claimed by a replayer that is long gone.
pub(super) fn is_replayable(query: &mut QueryBuilder<Postgres>) {
    query.push(" and (d.state = 'unresolved' or (d.state = 'replaying' and d.state_changed_at < clock_timestamp() - make_interval(mins => ");
    query.push_bind(LEASE_MINUTES).push(")))");
}

/// Place in a list that runs from the newest failure to the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    last_failed_at: OffsetDateTime,
    id: Uuid,
}

impl Cursor {
    pub fn after(summary: &Summary) -> Self {
        Self { last_failed_at: summary.last_failed_at, id: summary.id }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Microseconds are all that PostgreSQL keeps.
        write!(f, "{}.{}", self.last_failed_at.unix_timestamp_nanos() / 1000, self.id.simple())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a place in a list; copy it from the end of the page before")]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (micros, id) = text.split_once('.').ok_or(InvalidCursor)?;
        let nanos = micros.parse::<i64>().map_err(|_| InvalidCursor)?;
        Ok(Self {
            last_failed_at: OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanos) * 1000)
                .map_err(|_| InvalidCursor)?,
            id: Uuid::parse_str(id).map_err(|_| InvalidCursor)?,
        })
    }
}

/// One page, newest failure first.
///
/// # Errors
/// Any database error.
pub async fn list(
    db: &mut PgConnection,
    filter: &Filter,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<Summary>, sqlx::Error> {
    let mut query = QueryBuilder::new(concat!("select ", summary_columns!(), " from dead_letters d where"));
    filter.conditions(&mut query);
    if let Some(cursor) = after {
        query.push(" and (d.last_failed_at, d.id) < (").push_bind(cursor.last_failed_at);
        query.push(", ").push_bind(cursor.id).push(")");
    }
    query.push(" order by d.last_failed_at desc, d.id desc limit ").push_bind(limit);
    query.build().try_map(|row: PgRow| read_summary(&row)).fetch_all(db).await
}

/// # Errors
/// Any database error.
pub async fn get(db: &mut PgConnection, id: Uuid) -> Result<Option<DeadLetter>, sqlx::Error> {
    let mut query = QueryBuilder::new(concat!("select ", all_columns!(), " from dead_letters d where d.id = "));
    query.push_bind(id);
    query.build().try_map(|row: PgRow| read(&row)).fetch_optional(db).await
}

/// These dead letters, as far as they are there, in any order.
///
/// # Errors
/// Any database error.
pub async fn whole(db: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<DeadLetter>, sqlx::Error> {
    sqlx::query(concat!("select ", all_columns!(), " from dead_letters d where d.id = any($1)"))
        .bind(ids)
        .try_map(|row: PgRow| read(&row))
        .fetch_all(db)
        .await
}

/// One death of a letter.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DeadLetterFailure)]
pub struct Death {
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// How often it had been replayed by then.
    pub replays: i32,
    pub reason: String,
    pub error: String,
    /// What every attempt said: `[{"attempt", "at", "error"}]`, the oldest first.
    #[schema(value_type = Vec<Object>)]
    pub attempts: Value,
}

/// The deaths of a letter, the oldest first.
///
/// # Errors
/// Any database error.
pub async fn deaths(db: &mut PgConnection, id: Uuid) -> Result<Vec<Death>, sqlx::Error> {
    sqlx::query(
        "select at, replays, reason, error, attempts::text as attempts from dead_letter_deaths
         where dead_letter_id = $1 order by id limit 1000",
    )
    .bind(id)
    .try_map(|row: PgRow| {
        Ok(Death {
            at: row.try_get("at")?,
            replays: row.try_get("replays")?,
            reason: row.try_get("reason")?,
            error: row.try_get("error")?,
            attempts: json_column(&row, "attempts")?.unwrap_or_default(),
        })
    })
    .fetch_all(db)
    .await
}

/// The states of these dead letters; an unknown id is missing from the answer.
///
/// # Errors
/// Any database error.
pub async fn states(db: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<(Uuid, State)>, sqlx::Error> {
    let rows = sqlx::query("select id, state from dead_letters where id = any($1)").bind(ids).fetch_all(db).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, decode(row.try_get::<&str, _>("state")?.parse())?))).collect()
}

/// How many by state, queue and reason, of the newest `most` of each state: what was resolved or discarded grows for ever.
///
/// # Errors
/// Any database error.
pub async fn newest(db: &mut PgConnection, most: i64) -> Result<Vec<DeadLetterGroup>, sqlx::Error> {
    let rows = sqlx::query(
        "select s.state, d.queue, d.reason, count(*) as messages, max(d.last_failed_at) as last_failed_at
         from unnest($1::text[]) with ordinality as s (state, place)
         cross join lateral (
             select queue, reason, last_failed_at from dead_letters
             where state = s.state order by last_failed_at desc, id desc limit $2) d
         group by s.place, s.state, d.queue, d.reason
         order by s.place, count(*) desc, d.queue, d.reason
         limit 200",
    )
    .bind(State::ALL.map(State::as_str))
    .bind(most)
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(DeadLetterGroup {
                state: row.try_get("state")?,
                queue: row.try_get("queue")?,
                reason: row.try_get("reason")?,
                messages: row.try_get("messages")?,
                last_failed_at: row.try_get("last_failed_at")?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_from_its_text() {
        let cursor = Cursor {
            last_failed_at: OffsetDateTime::from_unix_timestamp_nanos(1_700_000_000_123_456_000).expect("in range"),
            id: Uuid::now_v7(),
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        assert_eq!("yesterday".parse::<Cursor>(), Err(InvalidCursor));
    }
}
