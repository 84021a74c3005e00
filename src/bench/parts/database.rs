//! The smallest order transaction and the smallest row, alone and fifty at a time, on tables like the fleet's own. Called by
//! [`super::measure`].

use std::time::Instant;

use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use super::Parts;
use super::meter::Meter;
use crate::bench::load::Latencies;
use crate::bench::servers::Servers;

/// Enough that the clock's ticks of 10 ms are a few per cent.
const ALONE: usize = 3_000;
const TOGETHER: usize = 20_000;
const FIFTY: usize = 50;
/// As much as a line and a message of the fleet weigh.
const ITEMS: &str = r#"[{"sku": "BENCH-17", "quantity": 2, "price": 9.2}]"#;

const MAKE: &str = "create schema bench_limits; \
    create table bench_limits.orders (like public.orders including all); \
    create table bench_limits.outbox (like public.outbox including all); \
    create table bench_limits.narrow (id uuid primary key)";
const ORDERS: &str = "with made as ( \
        insert into bench_limits.orders (id, customer_id, email, items, total, status, correlation_id, created_at) \
        select id, 'bench', 'a@bench.example', $2::jsonb, 18.4, 'pending', id::text, now() from unnest($1::uuid[]) as new (id)) \
    insert into bench_limits.outbox (message) select $3::json from unnest($1::uuid[])";
const ROWS: &str = "insert into bench_limits.narrow (id) select unnest($1::uuid[])";

pub async fn measure(servers: &Servers, parts: &mut Parts) -> anyhow::Result<()> {
    let mut db = PgConnection::connect(&servers.database_url).await?;
    db.execute("drop schema if exists bench_limits cascade").await?;
    db.execute(MAKE).await?;
    let pid = servers.database;
    let message = format!(r#"{{"message_id": "{}", "body": "{}"}}"#, Uuid::nil(), "x".repeat(400));
    let ids = |count| (0..count).map(|_| Uuid::now_v7()).collect::<Vec<_>>();

    let meter = Meter::start(pid);
    for _ in 0..ALONE {
        sqlx::query(ORDERS).bind(ids(1)).bind(ITEMS).bind(&message).execute(&mut db).await?;
    }
    parts.order_alone = meter.cost(ALONE);
    let meter = Meter::start(pid);
    for _ in 0..TOGETHER / FIFTY {
        sqlx::query(ORDERS).bind(ids(FIFTY)).bind(ITEMS).bind(&message).execute(&mut db).await?;
    }
    parts.order_of_fifty = meter.cost(TOGETHER);

    let mut commits = Latencies::default();
    let meter = Meter::start(pid);
    for _ in 0..ALONE {
        let started = Instant::now();
        sqlx::query(ROWS).bind(ids(1)).execute(&mut db).await?;
        commits.record(started, Instant::now());
    }
    parts.row_alone = meter.cost(ALONE);
    let meter = Meter::start(pid);
    for _ in 0..TOGETHER * 2 / FIFTY {
        sqlx::query(ROWS).bind(ids(FIFTY)).execute(&mut db).await?;
    }
    parts.row_of_fifty = meter.cost(TOGETHER * 2);
    let summary = commits.summary().unwrap_or_default();
    (parts.commit_p50, parts.commit_p99) = (summary.p50, summary.p99);
    db.execute("drop schema bench_limits cascade").await?;
    db.close().await?;
    Ok(())
}
