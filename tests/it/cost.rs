//! What an order costs, by figures that do not depend on the machine: rows written, and the time of the hot paths as a multiple of what
//! parsing the same bytes takes. A change that makes one of them dearer fails here, and says by how much.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use order_fleet::contract::order::{Source, read_object, read_order};
use serde_json::{Value, json};
use sqlx::Row;

use crate::support::{Options, Stage, answer, order_of};

const ORDERS: i64 = 300;
/// Rows inserted, updated and deleted for an order that is confirmed, with everything that follows it. docs/performance.md has the last
/// measured figure.
const ROWS: f64 = 33.0;
/// Reading an order, in what parsing its JSON takes.
const READING: f64 = 4.0;

#[tokio::test]
async fn an_order_writes_no_more_rows_than_before() {
    let mut stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 10 * ORDERS).await;
    let orders: Vec<Value> = (0..ORDERS).map(|_| order_of("WIDGET-01", 1)).collect();
    let (status, body) = answer(stage.api.post("/api/v1/orders/bulk", &json!({"orders": orders}))).await;
    assert_eq!((status, &body["accepted"]), (200, &json!(ORDERS)), "{body}");
    stage.reach(ORDERS, "confirmed").await;
    stage.settle().await;
    told_all(&stage).await;
    let rows = sqlx::query(
        "select relname::text as name, n_tup_ins + n_tup_upd + n_tup_del as written
         from pg_stat_user_tables where relname not in ('instances', 'scheduler_jobs', 'scheduler_runs', 'products', 'stock')
         order by written desc",
    )
    .fetch_all(&stage.database.pool)
    .await
    .expect("the figures");
    let per_order = |written: i64| written as f64 / ORDERS as f64;
    let by_table: BTreeMap<String, f64> = rows
        .iter()
        .map(|row| (row.get("name"), per_order(row.get("written"))))
        .filter(|(_, rows)| *rows > 0.0)
        .collect();
    let each: f64 = by_table.values().sum();
    eprintln!("{each:.1} rows an order: {by_table:.2?}");
    assert!((20.0..=ROWS).contains(&each), "{each:.1} rows an order: {by_table:.2?}");
    stage.finish().await;
}

/// A connection tells its figures now and then, and when it ends: all of them end.
async fn told_all(stage: &Stage) {
    let others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
         and backend_type = 'client backend' and backend_start < now() - interval '1 second'";
    let ended = format!("select count(pg_terminate_backend(pid, 10000)) {others}");
    let ended: i64 =
        sqlx::query_scalar(sqlx::AssertSqlSafe(ended)).fetch_one(&stage.database.pool).await.expect("they end");
    assert!(ended > 0, "somebody has written");
}

/// The fastest of many rounds: whoever else works on the machine only makes rounds slower.
fn fastest(mut work: impl FnMut()) -> Duration {
    let mut round = || {
        let start = Instant::now();
        (0..20).for_each(|_| work());
        start.elapsed()
    };
    (0..200).map(|_| round()).min().unwrap_or_default()
}

#[test]
fn reading_an_order_costs_a_small_multiple_of_parsing_it() {
    let items: Vec<Value> =
        (0..5).map(|number| json!({"sku": format!("WIDGET-{number:02}"), "quantity": 2, "price": 19.99})).collect();
    let body = json!({"customer_id": "c-17", "email": "ada@shop.example", "phone": "+49 (30) 123-456", "items": items,
        "total": 199.9, "metadata": {"basket": "4711"}})
    .to_string();
    let parsed = fastest(|| {
        black_box(serde_json::from_str::<Value>(black_box(&body)).expect("JSON"));
    });
    let read = fastest(|| {
        let object = read_object(black_box(body.as_bytes())).expect("an object");
        black_box(read_order(&object, Source::Http).expect("an order"));
    });
    let ratio = read.as_secs_f64() / parsed.as_secs_f64();
    eprintln!("reading an order costs {ratio:.2} times what parsing its JSON does");
    assert!(ratio <= READING, "reading an order costs {ratio:.2} times what parsing its JSON does");
}
