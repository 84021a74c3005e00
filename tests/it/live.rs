//! Live tracking on real parts: streams of orders and of customers, over SSE and WebSocket, resumed after whatever breaks; the
//! customer's page, in a real browser.

mod browser;
mod commits;
mod limits;
mod page;
mod resuming;
mod streams;
mod watching;

use std::time::Duration;

use order_fleet::domain::OrderId;
use order_fleet::tracking::Limits;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{Api, TestDatabase};

/// A database and an API without a broker.
async fn api() -> (TestDatabase, Api) {
    api_with(Limits::default()).await
}

async fn api_with(limits: Limits) -> (TestDatabase, Api) {
    let database = TestDatabase::create().await;
    let api = Api::start_tracking(database.pool.clone(), limits).await;
    (database, api)
}

/// Signs of life so often that a test does not wait for them.
fn lively() -> Limits {
    Limits { heartbeat: Duration::from_millis(200), ..Limits::default() }
}

/// An order without anything around it.
async fn insert_order(db: &mut PgConnection, customer: &str) -> Uuid {
    let id = OrderId::mint().0;
    sqlx::query(
        "insert into orders (id, customer_id, email, items, total, status, correlation_id, created_at)
         values ($1, $2, 'ada@shop.example', '[{\"sku\": \"WIDGET-01\", \"quantity\": 2, \"price\": 19.99}]', 39.98, 'pending', 'test', now())",
    )
    .bind(id)
    .bind(customer)
    .execute(db)
    .await
    .expect("an order");
    id
}

/// Appends to an order's history as the services do: with the order locked. The new row's id.
async fn append(db: &mut PgConnection, order: Uuid, event: &str, status: &str) -> i64 {
    sqlx::query("select from orders where id = $1 for update").bind(order).execute(&mut *db).await.expect("locked");
    sqlx::query_scalar("insert into order_history (order_id, event, status) values ($1, $2, $3) returning id")
        .bind(order)
        .bind(event)
        .bind(status)
        .fetch_one(db)
        .await
        .expect("a row of history")
}
