//! The heartbeats of all processes. Written by `runtime::heartbeat`, read by `ops::status`; what is long silent is removed by the
//! scheduler's clean-up.

use sqlx::{PgConnection, PgPool, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::decode::{json, json_column};
use crate::contract::instance::{BreakerReport, InstanceDetail, InstanceState};

/// What all roles of one process have in common.
#[derive(Clone, Debug)]
pub struct Process {
    pub id: Uuid,
    pub host: String,
    pub pid: i32,
    pub version: &'static str,
    pub uptime_seconds: f64,
    pub cpu_seconds: Option<f64>,
    pub rss_bytes: Option<i64>,
}

/// One role of the process.
#[derive(Clone, Debug)]
pub struct Beat {
    pub role: String,
    pub state: InstanceState,
    pub reason: Option<String>,
    pub breakers: Vec<BreakerReport>,
    pub detail: InstanceDetail,
}

/// Writes the heartbeat of every role of a process, in one statement. All times are the database's.
///
/// # Errors
/// Any database error; the next heartbeat makes up for it.
pub async fn beat(db: &PgPool, process: &Process, beats: &[Beat]) -> Result<(), sqlx::Error> {
    let texts = |text: fn(&Beat) -> Result<String, sqlx::Error>| beats.iter().map(text).collect::<Result<Vec<_>, _>>();
    sqlx::query(
        "insert into instances (id, role, host, pid, version, started_at, seen_at, state, reason, cpu_seconds, rss_bytes,
             breakers, detail)
         select $1, b.role, $2, $3, $4, now() - make_interval(secs => $5), now(), b.state, b.reason, $6, $7,
             b.breakers::jsonb, b.detail::jsonb
         from unnest($8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
             as b (role, state, reason, breakers, detail)
         on conflict (id, role) do update set
             seen_at = excluded.seen_at, state = excluded.state, reason = excluded.reason,
             cpu_seconds = excluded.cpu_seconds, rss_bytes = excluded.rss_bytes, breakers = excluded.breakers,
             detail = excluded.detail",
    )
    .bind(process.id)
    .bind(&process.host)
    .bind(process.pid)
    .bind(process.version)
    .bind(process.uptime_seconds)
    .bind(process.cpu_seconds)
    .bind(process.rss_bytes)
    .bind(beats.iter().map(|beat| beat.role.as_str()).collect::<Vec<_>>())
    .bind(beats.iter().map(|beat| beat.state.as_str()).collect::<Vec<_>>())
    .bind(beats.iter().map(|beat| beat.reason.as_deref().map(super::storable)).collect::<Vec<_>>())
    .bind(texts(|beat| json(&beat.breakers))?)
    .bind(texts(|beat| json(&beat.detail))?)
    .execute(db)
    .await?;
    Ok(())
}

/// The process has stopped in good order.
///
/// # Errors
/// Any database error; the rows then go silent.
pub async fn remove(db: &PgPool, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("delete from instances where id = $1").bind(id).execute(db).await?;
    Ok(())
}

/// A heartbeat as it was last seen.
#[derive(Clone, Debug)]
pub struct Instance {
    pub id: Uuid,
    pub role: String,
    pub host: String,
    pub pid: i32,
    pub version: String,
    pub started_at: OffsetDateTime,
    pub seen_at: OffsetDateTime,
    pub seen_seconds_ago: f64,
    pub uptime_seconds: f64,
    /// One of [`InstanceState`], or another version's.
    pub state: String,
    pub reason: Option<String>,
    pub cpu_seconds: Option<f64>,
    pub rss_bytes: Option<i64>,
    pub breakers: Vec<BreakerReport>,
    pub detail: InstanceDetail,
}

/// The heartbeats of all processes, the youngest process first.
///
/// # Errors
/// Any database error.
pub async fn list(db: &mut PgConnection, limit: i64) -> Result<Vec<Instance>, sqlx::Error> {
    let rows = sqlx::query(
        "select id, role, host, pid, version, started_at, seen_at,
                extract(epoch from clock_timestamp() - seen_at)::float8 as seen_seconds_ago,
                extract(epoch from clock_timestamp() - started_at)::float8 as uptime_seconds,
                state, reason, cpu_seconds, rss_bytes, breakers::text as breakers, detail::text as detail
         from instances order by id desc, role limit $1",
    )
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Instance {
                id: row.try_get("id")?,
                role: row.try_get("role")?,
                host: row.try_get("host")?,
                pid: row.try_get("pid")?,
                version: row.try_get("version")?,
                started_at: row.try_get("started_at")?,
                seen_at: row.try_get("seen_at")?,
                seen_seconds_ago: row.try_get("seen_seconds_ago")?,
                uptime_seconds: row.try_get("uptime_seconds")?,
                state: row.try_get("state")?,
                reason: row.try_get("reason")?,
                cpu_seconds: row.try_get("cpu_seconds")?,
                rss_bytes: row.try_get("rss_bytes")?,
                breakers: json_column(row, "breakers")?.unwrap_or_default(),
                detail: json_column(row, "detail")?.unwrap_or_default(),
            })
        })
        .collect()
}
