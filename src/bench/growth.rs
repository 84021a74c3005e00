//! What orders cost when there are many already: fills the tables, and asks the API while they are full. Called by [`super::run`].

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::Client;
use sqlx::PgPool;

use super::figures::Readings;
use super::load::Latencies;
use crate::trial::many_orders;

/// How often each question is asked.
const TIMES: usize = 500;
/// What a shop asks for; an order and a customer are put in.
const QUESTIONS: [(&str, &str); 9] = [
    ("list", "/api/v1/orders"),
    ("list by status", "/api/v1/orders?status=cancelled"),
    ("list by customer", "/api/v1/orders?customer=c-7"),
    ("list by product", "/api/v1/orders?sku=SKU-7"),
    ("list by a word", "/api/v1/orders?text=ada7777"),
    ("list by the beginning of ten thousand words", BROAD),
    ("get", "/api/v1/orders/{order}"),
    ("history", "/api/v1/orders/{order}/history"),
    ("statistics", "/api/v1/statistics"),
];

/// One order in ninety has a word that begins so.
const BROAD: &str = "/api/v1/orders?text=ada77";

/// Of the run with so many orders in the tables.
pub fn name(size: u64) -> String {
    format!("growth, {size} before")
}

/// Fills the tables up to so many orders.
///
/// # Errors
/// When the database is away.
pub async fn fill(db: &PgPool, orders: u64) -> anyhow::Result<()> {
    let there: i64 = sqlx::query_scalar("select count(*) from orders").fetch_one(db).await?;
    let first = u64::try_from(there)? + 1;
    if first <= orders {
        let mut connection = db.acquire().await?;
        many_orders(&mut connection, first, orders, 0).await.context("the tables cannot be filled")?;
    }
    Ok(())
}

/// Asks each question many times, one after the other.
///
/// # Errors
/// When the API does not answer as it must.
pub async fn read(api: &str, db: &PgPool) -> anyhow::Result<Readings> {
    let http = Client::builder().no_proxy().tls_certs_only([]).timeout(Duration::from_secs(30)).build()?;
    // of all ages, as people ask for them
    let orders: Vec<String> =
        sqlx::query_scalar("select id::text from orders order by md5(id::text) limit 500").fetch_all(db).await?;
    let mut readings = Readings::new();
    for (name, question) in QUESTIONS {
        let mut latencies = Latencies::default();
        for order in orders.iter().cycle().take(TIMES) {
            let asked = Instant::now();
            let answer = http.get(format!("{api}{}", question.replace("{order}", order))).send().await?;
            ensure!(answer.status().is_success(), "{question}: {}", answer.status());
            answer.bytes().await?;
            latencies.record(asked, Instant::now());
        }
        readings.extend(latencies.summary().map(|summary| (name.to_owned(), summary)));
    }
    Ok(readings)
}
