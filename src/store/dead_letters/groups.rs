//! Groups of dead letters with one cause: counted as letters arrive, looked at and owned by operators.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;
use uuid::Uuid;

use super::upsert::Arrived;
use crate::store::decode::decode;
use crate::store::text::storable;

/// So many of one group within a minute died together: of an outage rather than of themselves.
pub const NEIGHBOURS: i32 = 5;

/// What an operator thinks of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeadLetterGroupState)]
pub enum GroupState {
    Open,
    /// Somebody works on it: growth is told, news of the same is not.
    Acknowledged,
    /// The cause is mended; opens again when a letter of this group arrives.
    Resolved,
}

impl GroupState {
    pub const ALL: [Self; 3] = [Self::Open, Self::Acknowledged, Self::Resolved];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of open, acknowledged, resolved; got {0:?}")]
pub struct UnknownGroupState(String);

impl FromStr for GroupState {
    type Err = UnknownGroupState;

    fn from_str(text: &str) -> Result<Self, UnknownGroupState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| UnknownGroupState(text.to_owned()))
    }
}

/// One cause, and how many died of it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = DeadLetterCause)]
pub struct Group {
    pub id: Uuid,
    /// Whose consumer failed; empty when nobody can tell.
    pub queue: String,
    pub reason: String,
    /// The type of the messages: the step of the order that failed.
    pub kind: Option<String>,
    /// The error without ids, numbers and quotations.
    pub error: String,
    #[serde(with = "time::serde::rfc3339")]
    pub first_seen: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen: OffsetDateTime,
    /// Deaths ever, repeated ones included.
    pub failures: i64,
    /// Letters that wait for an operator now.
    pub unresolved: i64,
    /// Deaths in the last hour, and in the hour before it: the trend.
    pub last_hour: i64,
    pub hour_before: i64,
    /// Share of the deaths that happened together with at least four others of the group within a minute: near 1, they died of an
    /// outage (collateral); near 0, each died of itself (cause).
    pub together: f64,
    pub state: GroupState,
    pub owner: Option<String>,
    pub note: Option<String>,
}

impl Group {
    /// Whether its letters died of an outage with their neighbours. What cannot be read, or is refused, died of itself however many
    /// there are.
    pub fn is_collateral(&self) -> bool {
        !matches!(self.reason.as_str(), "bad_message" | "refused" | "poisonous") && self.together >= 0.5
    }
}

/// Which groups; every part that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct GroupFilter {
    pub state: Option<GroupState>,
    pub owner: Option<String>,
    /// Only groups with letters that wait for an operator.
    pub unresolved: bool,
}

/// Counts a batch of arrivals in their groups; a resolved group opens again.
pub(super) async fn count(db: &mut PgConnection, batch: &[Arrived]) -> Result<(), sqlx::Error> {
    let mut groups: BTreeMap<Uuid, (&Arrived, i64, OffsetDateTime, OffsetDateTime)> = BTreeMap::new();
    let mut minutes: BTreeMap<(Uuid, OffsetDateTime), i32> = BTreeMap::new();
    for letter in batch {
        let Some(group) = &letter.group else { continue };
        let at = letter.last_failed_at;
        let (_, times, first, last) = groups.entry(group.id).or_insert((letter, 0, at, at));
        *times += 1;
        (*first, *last) = (at.min(*first), at.max(*last));
        *minutes.entry((group.id, minute_of(at))).or_default() += 1;
    }
    if groups.is_empty() {
        return Ok(());
    }
    let all = || groups.values();
    sqlx::query(
        "insert into dead_letter_groups as g (id, queue, reason, kind, error, first_seen, last_seen, failures)
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
             $7::timestamptz[], $8::bigint[])
         on conflict (id) do update set failures = g.failures + excluded.failures,
             first_seen = least(g.first_seen, excluded.first_seen), last_seen = greatest(g.last_seen, excluded.last_seen),
             state = case g.state when 'resolved' then 'open' else g.state end,
             has_returned = g.has_returned or g.state = 'resolved'",
    )
    .bind(groups.keys().copied().collect::<Vec<_>>())
    .bind(all().map(|(letter, ..)| storable(&letter.queue)).collect::<Vec<_>>())
    .bind(all().map(|(letter, ..)| storable(&letter.reason)).collect::<Vec<_>>())
    .bind(all().map(|(letter, ..)| letter.kind.as_deref().map(storable)).collect::<Vec<_>>())
    .bind(all().map(|(letter, ..)| letter.group.as_ref().map(|group| storable(&group.class))).collect::<Vec<_>>())
    .bind(all().map(|(_, _, first, _)| *first).collect::<Vec<_>>())
    .bind(all().map(|(_, _, _, last)| *last).collect::<Vec<_>>())
    .bind(all().map(|(_, times, ..)| *times).collect::<Vec<_>>())
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "insert into dead_letter_minutes as m (group_id, minute, failures)
         select * from unnest($1::uuid[], $2::timestamptz[], $3::int[])
         on conflict (group_id, minute) do update set failures = m.failures + excluded.failures",
    )
    .bind(minutes.keys().map(|(group, _)| *group).collect::<Vec<_>>())
    .bind(minutes.keys().map(|(_, minute)| *minute).collect::<Vec<_>>())
    .bind(minutes.values().copied().collect::<Vec<_>>())
    .execute(db)
    .await
    .map(drop)
}

fn minute_of(at: OffsetDateTime) -> OffsetDateTime {
    at - Duration::seconds(i64::from(at.second())) - Duration::nanoseconds(i64::from(at.nanosecond()))
}

macro_rules! described {
    ($condition:literal) => {
        concat!(
            "select g.id, g.queue, g.reason, g.kind, g.error, g.first_seen, g.last_seen, g.failures, g.state, g.owner, g.note,
                 (select count(*) from dead_letters d where d.group_id = g.id and d.state = 'unresolved') as unresolved,
                 m.last_hour, m.hour_before, m.together
             from dead_letter_groups g
             cross join lateral (
                 select coalesce(sum(failures) filter (where minute > now() - interval '1 hour'), 0)::bigint as last_hour,
                     coalesce(sum(failures) filter (where minute > now() - interval '2 hours'
                         and minute <= now() - interval '1 hour'), 0)::bigint as hour_before,
                     coalesce(sum(failures) filter (where failures >= $1)::float8 / nullif(sum(failures), 0), 0) as together
                 from dead_letter_minutes m where m.group_id = g.id) m
             where ",
            $condition
        )
    };
}

/// The groups, the latest death first.
///
/// # Errors
/// Any database error.
pub async fn groups(db: &mut PgConnection, filter: &GroupFilter, limit: i64) -> Result<Vec<Group>, sqlx::Error> {
    sqlx::query(concat!(
        "select * from (",
        described!("true"),
        ") g where ($2::text is null or state = $2) and ($3::text is null or owner = $3) and (not $4 or unresolved > 0)
         order by last_seen desc, id desc limit $5"
    ))
    .bind(NEIGHBOURS)
    .bind(filter.state.map(GroupState::as_str))
    .bind(filter.owner.as_deref())
    .bind(filter.unresolved)
    .bind(limit)
    .try_map(|row: PgRow| read(&row))
    .fetch_all(db)
    .await
}

/// # Errors
/// Any database error.
pub async fn group(db: &mut PgConnection, id: Uuid) -> Result<Option<Group>, sqlx::Error> {
    sqlx::query(described!("g.id = $2"))
        .bind(NEIGHBOURS)
        .bind(id)
        .try_map(|row: PgRow| read(&row))
        .fetch_optional(db)
        .await
}

/// What is to be changed of a group; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct GroupChange {
    pub state: Option<GroupState>,
    /// `Some(None)`: nobody's.
    pub owner: Option<Option<String>>,
    pub note: Option<Option<String>>,
}

impl GroupChange {
    pub fn is_empty(&self) -> bool {
        self.state.is_none() && self.owner.is_none() && self.note.is_none()
    }
}

/// Changes a group; answers whether there is one.
///
/// # Errors
/// Any database error.
pub async fn change_group(
    db: &mut PgConnection,
    id: Uuid,
    change: &GroupChange,
    by: &str,
) -> Result<bool, sqlx::Error> {
    let changed = sqlx::query(
        "update dead_letter_groups set state = coalesce($2, state), owner = case when $3 then $4 else owner end,
             note = case when $5 then $6 else note end, changed_at = now(), changed_by = $7
         where id = $1",
    )
    .bind(id)
    .bind(change.state.map(GroupState::as_str))
    .bind(change.owner.is_some())
    .bind(change.owner.as_ref().and_then(|owner| owner.as_deref().map(storable)))
    .bind(change.note.is_some())
    .bind(change.note.as_ref().and_then(|note| note.as_deref().map(storable)))
    .bind(by)
    .execute(db)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// How many of a group died in the minute of a letter's death.
///
/// # Errors
/// Any database error.
pub async fn died_with(db: &mut PgConnection, group: Uuid, at: OffsetDateTime) -> Result<i32, sqlx::Error> {
    let found: Option<i32> =
        sqlx::query_scalar("select failures from dead_letter_minutes where group_id = $1 and minute = $2")
            .bind(group)
            .bind(minute_of(at))
            .fetch_optional(db)
            .await?;
    Ok(found.unwrap_or(0))
}

fn read(row: &PgRow) -> Result<Group, sqlx::Error> {
    Ok(Group {
        id: row.try_get("id")?,
        queue: row.try_get("queue")?,
        reason: row.try_get("reason")?,
        kind: row.try_get("kind")?,
        error: row.try_get("error")?,
        first_seen: row.try_get("first_seen")?,
        last_seen: row.try_get("last_seen")?,
        failures: row.try_get("failures")?,
        unresolved: row.try_get("unresolved")?,
        last_hour: row.try_get("last_hour")?,
        hour_before: row.try_get("hour_before")?,
        together: row.try_get("together")?,
        state: decode(row.try_get::<&str, _>("state")?.parse())?,
        owner: row.try_get("owner")?,
        note: row.try_get("note")?,
    })
}
