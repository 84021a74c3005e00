//! Replays as operations: what was selected, who carries it out, and what became of each message. Written by the runner of the
//! operation, which holds a lease on it, and by operators who pause, resume or cancel it.

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::operation_state::OperationState;
use super::selection::Selection;
use crate::store::decode::decode;
use crate::store::text::storable;

/// A runner that has not renewed its lease for so long is gone, and another takes over.
pub const RUNNER_LEASE_SECONDS: i32 = 15;

/// A replay, and how far it has come.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Replay)]
pub struct Operation {
    pub id: Uuid,
    /// Who asked for it, as in `operator:anna`.
    pub operator: String,
    pub reason: Option<String>,
    /// What was selected, in words.
    pub selection: String,
    /// Most messages per second.
    pub rate: i32,
    /// Share of a group that may fail again before the rest of the group is kept.
    pub failure_limit: f64,
    /// Whether each message is followed to its end.
    pub watched: bool,
    pub state: OperationState,
    pub state_reason: Option<String>,
    pub total: i32,
    /// On their way now.
    pub sent: i32,
    pub applied: i32,
    /// Failed again.
    pub failed: i32,
    /// Not sent: would change nothing, or was not free.
    pub skipped: i32,
    /// Sent, and not seen to end.
    pub unseen: i32,
    /// Not sent, still unresolved.
    pub kept: i32,
    /// How many are sent at once now: 1, 2, 5, 10, …
    pub stage: i32,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
}

impl Operation {
    /// Not sent yet.
    pub fn waiting(&self) -> i32 {
        self.total - self.sent - self.applied - self.failed - self.skipped - self.unseen - self.kept
    }
}

pub struct NewOperation<'a> {
    pub id: Uuid,
    pub operator: &'a str,
    pub reason: Option<&'a str>,
    pub selection: &'a str,
    pub rate: i32,
    pub failure_limit: f64,
    pub watched: bool,
    /// Who will carry it out; `None`: whoever looks first.
    pub runner: Option<Uuid>,
}

macro_rules! columns {
    () => {
        "id, operator, reason, selection, rate, failure_limit, watched, state, state_reason, total, sent, applied, failed, \
         skipped, unseen, kept, stage, created_at, ended_at"
    };
}

/// Records an operation with what it takes.
///
/// # Errors
/// Any database error.
pub async fn create(
    db: &mut PgConnection,
    new: &NewOperation<'_>,
    selection: &Selection<'_>,
) -> Result<Operation, sqlx::Error> {
    sqlx::query(
        "insert into replay_operations (id, operator, reason, selection, rate, failure_limit, watched, runner, runner_until)
         values ($1, $2, $3, $4, $5, $6, $7, $8,
             case when $8::uuid is not null then clock_timestamp() + make_interval(secs => $9) end)",
    )
    .bind(new.id)
    .bind(new.operator)
    .bind(new.reason.map(storable))
    .bind(storable(new.selection))
    .bind(new.rate)
    .bind(new.failure_limit)
    .bind(new.watched)
    .bind(new.runner)
    .bind(f64::from(RUNNER_LEASE_SECONDS))
    .execute(&mut *db)
    .await?;
    let mut query = QueryBuilder::<Postgres>::new(
        "insert into replay_items (operation_id, position, dead_letter_id, group_id) select ",
    );
    query.push_bind(new.id).push(", s.position, s.id, s.group_id from (");
    selection.push(&mut query);
    query.push(") s");
    let total = query.build().execute(&mut *db).await?.rows_affected();
    let row = sqlx::query(concat!("update replay_operations set total = $2 where id = $1 returning ", columns!()))
        .bind(new.id)
        .bind(i32::try_from(total).unwrap_or(i32::MAX))
        .fetch_one(db)
        .await?;
    read(&row)
}

/// Takes or renews the lease on a running operation. `None`: it does not run (any more), or another runner has it.
///
/// # Errors
/// Any database error.
pub async fn hold(
    db: &mut PgConnection,
    id: Uuid,
    runner: Uuid,
    lease_seconds: f64,
) -> Result<Option<Operation>, sqlx::Error> {
    sqlx::query(concat!(
        "update replay_operations set runner = $2, runner_until = clock_timestamp() + make_interval(secs => $3)
         where id = $1 and state = 'running' and (runner is null or runner = $2 or runner_until < clock_timestamp())
         returning ",
        columns!()
    ))
    .bind(id)
    .bind(runner)
    .bind(lease_seconds)
    .try_map(|row: PgRow| read(&row))
    .fetch_optional(db)
    .await
}

/// Gives the lease back, so that another runner need not wait for its end.
///
/// # Errors
/// Any database error.
pub async fn let_go(db: &mut PgConnection, id: Uuid, runner: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("update replay_operations set runner = null, runner_until = null where id = $1 and runner = $2")
        .bind(id)
        .bind(runner)
        .execute(db)
        .await
        .map(drop)
}

/// Says what a running operation waits for; `None`: it goes on.
///
/// # Errors
/// Any database error.
pub async fn waits_for(db: &mut PgConnection, id: Uuid, what: Option<&str>) -> Result<(), sqlx::Error> {
    sqlx::query("update replay_operations set state_reason = $2 where id = $1 and state = 'running'")
        .bind(id)
        .bind(what.map(storable))
        .execute(db)
        .await
        .map(drop)
}

/// Running operations that nobody carries out.
///
/// # Errors
/// Any database error.
pub async fn orphans(db: &mut PgConnection) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "select id from replay_operations
         where state = 'running' and (runner is null or runner_until < clock_timestamp()) order by created_at limit 10",
    )
    .fetch_all(db)
    .await
}

/// Changes how an operation stands, if it stands as one of `from`.
///
/// # Errors
/// Any database error.
pub async fn turn(
    db: &mut PgConnection,
    id: Uuid,
    from: &[OperationState],
    to: OperationState,
    why: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let turned = sqlx::query(
        "update replay_operations set state = $3, state_reason = $4, ended_at = case when $5 then clock_timestamp() end
         where id = $1 and state = any($2)",
    )
    .bind(id)
    .bind(from.iter().map(|state| state.as_str()).collect::<Vec<_>>())
    .bind(to.as_str())
    .bind(why.map(storable))
    .bind(to.has_ended())
    .execute(db)
    .await?;
    Ok(turned.rows_affected() == 1)
}

/// # Errors
/// Any database error.
pub async fn operation(db: &mut PgConnection, id: Uuid) -> Result<Option<Operation>, sqlx::Error> {
    sqlx::query(concat!("select ", columns!(), " from replay_operations where id = $1"))
        .bind(id)
        .try_map(|row: PgRow| read(&row))
        .fetch_optional(db)
        .await
}

/// Those that run or are paused, the newest first.
///
/// # Errors
/// Any database error.
pub(super) async fn under_way(db: &mut PgConnection, limit: i64) -> Result<Vec<Operation>, sqlx::Error> {
    sqlx::query(concat!(
        "select ",
        columns!(),
        " from replay_operations where state in ('running', 'paused') order by created_at desc, id desc limit $1"
    ))
    .bind(limit)
    .try_map(|row: PgRow| read(&row))
    .fetch_all(db)
    .await
}

/// The newest first; `before`: only older ones. Their ids are in the order of their beginnings.
///
/// # Errors
/// Any database error.
pub async fn operations(
    db: &mut PgConnection,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Operation>, sqlx::Error> {
    const ALL: &str = concat!(
        "select ",
        columns!(),
        " from replay_operations where $1::uuid is null or id < $1 order by id desc limit $2"
    );
    sqlx::query(ALL).bind(before).bind(limit).try_map(|row: PgRow| read(&row)).fetch_all(db).await
}

fn read(row: &PgRow) -> Result<Operation, sqlx::Error> {
    Ok(Operation {
        id: row.try_get("id")?,
        operator: row.try_get("operator")?,
        reason: row.try_get("reason")?,
        selection: row.try_get("selection")?,
        rate: row.try_get("rate")?,
        failure_limit: row.try_get("failure_limit")?,
        watched: row.try_get("watched")?,
        state: decode(row.try_get::<&str, _>("state")?.parse())?,
        state_reason: row.try_get("state_reason")?,
        total: row.try_get("total")?,
        sent: row.try_get("sent")?,
        applied: row.try_get("applied")?,
        failed: row.try_get("failed")?,
        skipped: row.try_get("skipped")?,
        unseen: row.try_get("unseen")?,
        kept: row.try_get("kept")?,
        stage: row.try_get("stage")?,
        created_at: row.try_get("created_at")?,
        ended_at: row.try_get("ended_at")?,
    })
}
