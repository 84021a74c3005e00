//! With many orders in the tables, every question of the API still goes by an index: no table that grows with the orders is read from
//! its first row to its last.

use std::collections::BTreeMap;
use std::time::Duration;

use order_fleet::intake::http::document;
use order_fleet::trial::many_orders;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor, PgPool, Row};

use crate::support::{Api, TestDatabase, answer, eventually};

/// So many that an index is worth more than a look at every row.
const ORDERS: u64 = 20_000;
/// Tables below this do not grow with the orders.
const GROWN: f64 = 5_000.0;

/// Whose readings are booked before anybody else can ask for them.
fn booked_at_once() -> PgPoolOptions {
    PgPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_secs(60)).after_release(|connection, _| {
        Box::pin(async move {
            connection.execute("select pg_stat_force_next_flush()").await?;
            Ok(true)
        })
    })
}

/// How often each grown table has been read as a whole.
async fn whole_readings(db: &PgPool) -> BTreeMap<String, i64> {
    sqlx::query(
        "select s.relname::text as name, coalesce(s.seq_scan, 0) as readings from pg_stat_user_tables s
         join pg_class c on c.oid = s.relid where c.reltuples >= $1",
    )
    .bind(GROWN)
    .fetch_all(db)
    .await
    .expect("the figures")
    .iter()
    .map(|row| (row.get("name"), row.get("readings")))
    .collect()
}

/// Every question that the API answers, and each filter of its lists by itself.
fn questions(one: &str, letter: &str) -> Vec<String> {
    let document = serde_json::to_value(document()).expect("JSON");
    let mut questions = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let Some(operation) = item.get("get").filter(|_| path.starts_with("/api/v1/")) else { continue };
        if path.ends_with("/dead-letters/counts") {
            // counts whatever waits for an operator
            continue;
        }
        let id = match path.split('/').nth(3) {
            Some("dead-letters") => letter,
            Some("customers") => "c-7",
            Some("webhooks") => "00000000-0000-7000-8000-000000000001",
            Some("replays") => "00000000-0000-7000-8000-000000000002",
            Some("dead-letter-groups") => "00000000-0000-8000-8000-000000000002",
            _ => one,
        };
        let path = path.replace("{id}", id).replace("{sku}", "SKU-7").replace("{delivery_id}", one);
        let follow = if path.ends_with("/events") { "follow=false" } else { "" };
        questions.push(format!("{path}?{follow}"));
        for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "query") {
            let name = parameter["name"].as_str().expect("a name");
            if let Some(value) = value(&path, name, one) {
                questions.push(format!("{path}?{follow}&{name}={value}"));
            }
        }
    }
    questions
}

/// A value of a filter that many rows have, or few.
fn value<'a>(path: &str, name: &str, order: &'a str) -> Option<&'a str> {
    Some(match name {
        "status" if path.contains("reservations") => "committed",
        "status" => "pending",
        "state" if path.contains("deliveries") => "failed",
        "state" if path.contains("groups") => "open",
        "state" => "unresolved",
        "customer" | "customer_id" => "c-7",
        "sku" => "SKU-7",
        "order" | "order_id" => order,
        "kind" if path.contains("transactions") => "commit",
        "kind" => "order_confirmed",
        "queue" => "email_notifications",
        "reason" => "attempts_exhausted",
        "group_id" => "00000000-0000-8000-8000-000000000002",
        "event_type" => "order.confirmed",
        "text" if path.ends_with("dead-letters") => "server%207",
        "text" => "ada77",
        "from" | "since" | "at" => "2026-01-01T00:00:00Z",
        "to" | "until" => "2027-01-01T00:00:00Z",
        "actor" | "action" | "target" => "x",
        _ => return None,
    })
}

#[tokio::test]
async fn every_question_of_the_api_goes_by_an_index() {
    let database = TestDatabase::create().await;
    let mut connection = database.pool.acquire().await.expect("a connection");
    many_orders(&mut connection, 1, ORDERS, 100).await.expect("many orders");
    drop(connection);
    database.execute("analyze").await;
    let pool = booked_at_once().connect(&database.url(None)).await.expect("connections");
    let api = Api::start(pool.clone()).await;
    let order: String =
        sqlx::query_scalar("select id::text from orders where status = 'delivered' order by created_at desc limit 1")
            .fetch_one(&pool)
            .await
            .expect("an order");
    let letter: String = sqlx::query_scalar("select id::text from dead_letters order by last_failed_at desc limit 1")
        .fetch_one(&pool)
        .await
        .expect("a letter");
    // whatever is looked at once, at the start, has been
    answer(api.get("/api/v1/status")).await;
    let mut wrong = Vec::new();
    let questions = questions(&order, &letter);
    assert!(questions.len() > 60, "{questions:#?}");
    for question in questions {
        let before = settled(&pool).await;
        let response = api.get(&question).send().await.expect("an answer");
        let status = response.status();
        let body = response.text().await.expect("a body");
        if !status.is_success() {
            wrong.push(format!("{question}: {status} {body}"));
        }
        let after = settled(&pool).await;
        for (table, readings) in &after {
            if before.get(table) != Some(readings) {
                wrong.push(format!("{question} reads all of {table}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The readings, when two looks agree: what a connection has read is booked when it is given back.
async fn settled(pool: &PgPool) -> BTreeMap<String, i64> {
    let mut last = whole_readings(pool).await;
    eventually("the readings are booked", async || {
        let now = whole_readings(pool).await;
        let same = now == last;
        last = now;
        same.then(|| last.clone())
    })
    .await
}
