//! What operators look at: lists, single rows, counts.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::claim::LEASE_MINUTES;
use super::row::{DeadLetter, State, Summary, read, read_summary};
use crate::contract::status::DeadLetterGroup;
use crate::store::decode::decode;

/// Which dead letters; every part that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub queue: Option<String>,
    pub reason: Option<String>,
    pub order_id: Option<Uuid>,
    /// Part of the error, in any case.
    pub text: Option<String>,
    /// Last failure at this time or later.
    pub since: Option<OffsetDateTime>,
    /// Last failure before this time.
    pub until: Option<OffsetDateTime>,
}

/// The condition of every query that takes a [`Filter`]; [`bind`] gives its parameters.
macro_rules! matching {
    () => {
        "($1::text is null or state = $1) and ($2::text is null or queue = $2)
         and ($3::text is null or reason = $3) and ($4::uuid is null or order_id = $4)
         and ($5::text is null or strpos(lower(error), lower($5)) > 0)
         and ($6::timestamptz is null or last_failed_at >= $6) and ($7::timestamptz is null or last_failed_at < $7)"
    };
}

type Statement<'a> = Query<'a, Postgres, PgArguments>;

fn bind<'a>(query: Statement<'a>, filter: &'a Filter) -> Statement<'a> {
    query
        .bind(filter.state.map(State::as_str))
        .bind(filter.queue.as_deref())
        .bind(filter.reason.as_deref())
        .bind(filter.order_id)
        .bind(filter.text.as_deref())
        .bind(filter.since)
        .bind(filter.until)
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
    let query = sqlx::query(concat!(
        "select id, message_id, queue, exchange, routing_key, reason, error, kind, correlation_id, order_id,
             first_failed_at, last_failed_at, failures, replays, state, state_reason, state_changed_at
         from dead_letters where ",
        matching!(),
        " and ($8::timestamptz is null or (last_failed_at, id) < ($8, $9))
         order by last_failed_at desc, id desc limit $10"
    ));
    let rows = bind(query, filter)
        .bind(after.map(|cursor| cursor.last_failed_at))
        .bind(after.map(|cursor| cursor.id))
        .bind(limit)
        .fetch_all(db)
        .await?;
    rows.iter().map(read_summary).collect()
}

/// One dead letter that could be replayed now.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub id: Uuid,
    pub queue: String,
    pub reason: String,
}

/// All that match and can be claimed: unresolved, or claimed by a replayer that is long gone. `filter.state` does not matter.
/// Oldest failure first: the order in which they are replayed.
///
/// # Errors
/// Any database error.
pub async fn replayable(db: &mut PgConnection, filter: &Filter) -> Result<Vec<Candidate>, sqlx::Error> {
    let query = sqlx::query(concat!(
        "select id, queue, reason from dead_letters where ",
        matching!(),
        " and (state = 'unresolved'
             or (state = 'replaying' and state_changed_at < clock_timestamp() - make_interval(mins => $8)))
         order by last_failed_at, id"
    ));
    let filter = Filter { state: None, ..filter.clone() };
    let rows = bind(query, &filter).bind(LEASE_MINUTES).fetch_all(db).await?;
    rows.iter()
        .map(|row| {
            Ok(Candidate { id: row.try_get("id")?, queue: row.try_get("queue")?, reason: row.try_get("reason")? })
        })
        .collect()
}

/// # Errors
/// Any database error.
pub async fn get(db: &mut PgConnection, id: Uuid) -> Result<Option<DeadLetter>, sqlx::Error> {
    let row = sqlx::query(
        "select id, message_id, queue, exchange, routing_key, reason, error, kind, correlation_id, order_id,
             first_failed_at, last_failed_at, failures, replays, state, state_reason, state_changed_at,
             headers::text as headers, properties::text as properties, deaths::text as deaths, payload
         from dead_letters where id = $1",
    )
    .bind(id)
    .fetch_optional(db)
    .await?;
    row.as_ref().map(read).transpose()
}

/// The states of these dead letters; an unknown id is missing from the answer.
///
/// # Errors
/// Any database error.
pub async fn states(db: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<(Uuid, State)>, sqlx::Error> {
    let rows = sqlx::query("select id, state from dead_letters where id = any($1)").bind(ids).fetch_all(db).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, decode(row.try_get::<&str, _>("state")?.parse())?))).collect()
}

/// How many, by state, queue and reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    pub state: State,
    pub queue: String,
    pub reason: String,
    pub count: i64,
}

/// # Errors
/// Any database error.
pub async fn counts(db: &mut PgConnection, filter: &Filter) -> Result<Vec<Count>, sqlx::Error> {
    let query = sqlx::query(concat!(
        "select state, queue, reason, count(*) as count from dead_letters where ",
        matching!(),
        " group by state, queue, reason order by state, count(*) desc, queue, reason"
    ));
    let rows = bind(query, filter).fetch_all(db).await?;
    rows.iter()
        .map(|row| {
            Ok(Count {
                state: decode(row.try_get::<&str, _>("state")?.parse())?,
                queue: row.try_get("queue")?,
                reason: row.try_get("reason")?,
                count: row.try_get("count")?,
            })
        })
        .collect()
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
