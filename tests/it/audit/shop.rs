//! A database as the fleet leaves it: one product, one confirmed and one declined order, everything about them in place, all of it
//! ten minutes old. The tests break one thing at a time.

use order_fleet::domain::OrderId;
use order_fleet::messaging::Broker;
use order_fleet::ops::audit::{Invariant, Options, Report, run};
use sqlx::AssertSqlSafe;
use std::time::Duration;
use uuid::Uuid;

use crate::support::TestDatabase;

pub const CONFIRMED: OrderId = OrderId(Uuid::from_u128(0xc0_0000));
pub const FAILED: OrderId = OrderId(Uuid::from_u128(0xf0_0000));
/// For orders that a test adds.
pub const OTHER: OrderId = OrderId(Uuid::from_u128(0xa0_0000));

const PRODUCT: &str = "
    insert into products (sku, name, price) values ('A', 'Product A', 10);
    insert into stock (sku, on_hand, reserved) values ('A', 98, 0);
    insert into stock_movements (sku, kind, quantity, reason) values ('A', 'initial', 90, 'created'), ('A', 'adjust', 10, 'found');";

/// The confirmed order is of two units and has a phone; the failed one of one unit, declined.
const ORDERS: &str = r#"
    insert into orders (id, customer_id, email, phone, items, total, status, reason, correlation_id, created_at, updated_at, confirmed_at)
        values
        ('{confirmed}', 'c', 'a@x.example', '+491234567', '[{"sku": "A", "quantity": 2, "price": 10}]', 20, 'confirmed', null, 'k',
         {then}, {then}, {then}),
        ('{failed}', 'c', 'a@x.example', null, '[{"sku": "A", "quantity": 1, "price": 10}]', 10, 'failed', 'payment_declined', 'k',
         {then}, {then}, null);
    insert into idempotency_keys (scope, key, fingerprint, order_id, response) values ('c', 'k', '', '{confirmed}', '{}');
    insert into order_history (order_id, event, status, step, message_id, at) values
        ('{confirmed}', 'accepted', 'pending', null, '{confirmed}', {then}),
        ('{confirmed}', 'submitted', 'processing', 'reserving_stock', '{confirmed}', {then}),
        ('{confirmed}', 'stock_reserved', 'processing', 'taking_payment', gen_random_uuid(), {then}),
        ('{confirmed}', 'payment_taken', 'confirmed', null, gen_random_uuid(), {then}),
        ('{failed}', 'submitted', 'processing', 'reserving_stock', '{failed}', {then}),
        ('{failed}', 'stock_reserved', 'processing', 'taking_payment', gen_random_uuid(), {then}),
        ('{failed}', 'payment_declined', 'processing', 'releasing_stock', gen_random_uuid(), {then}),
        ('{failed}', 'stock_released', 'failed', null, gen_random_uuid(), {then});
    insert into reservations (order_id, status, lines, updated_at) values
        ('{confirmed}', 'committed', '[{"sku": "A", "quantity": 2}]', {then}),
        ('{failed}', 'released', '[{"sku": "A", "quantity": 1}]', {then});
    insert into stock_movements (sku, order_id, kind, quantity) values
        ('A', '{confirmed}', 'reserve', 2), ('A', '{failed}', 'reserve', 1),
        ('A', '{confirmed}', 'commit', 2), ('A', '{failed}', 'release', 1);
    insert into payments (order_id, amount, status, reference, updated_at) values
        ('{confirmed}', 20, 'taken', 'ch_1', {then}), ('{failed}', 10, 'declined', null, {then});
    insert into statistics (period, starts_at, created, confirmed, failed, revenue)
        select period, date_trunc(period, now()), 2, 1, 1, 20 from (values ('minute'), ('day')) as p (period);
    insert into statistics_failures (period, starts_at, reason, count)
        select period, date_trunc(period, now()), 'payment_declined', 1 from (values ('minute'), ('day')) as p (period);"#;

/// A fresh database with the shop in it.
pub async fn shop() -> TestDatabase {
    let database = TestDatabase::create().await;
    plant(&database, PRODUCT).await;
    plant(&database, ORDERS).await;
    for (order, told, announced) in [
        (CONFIRMED, "order_confirmation", ["order.created", "order.confirmed"]),
        (FAILED, "order_failed", ["order.created", "order.failed"]),
    ] {
        for channel in ["email", "push"] {
            sqlx::query(
                "insert into notification_deliveries (channel, message_id, kind, order_id, recipient, transport, reference)
                 values ($1, $2, $3, $4, '***', 'folder', 'f')",
            )
            .bind(channel)
            .bind(order.message_id(told))
            .bind(told)
            .bind(order.0)
            .execute(&database.pool)
            .await
            .expect("a delivery");
        }
        for key in announced {
            sqlx::query(
                "insert into recorded_events (message_id, routing_key, order_id, body) values ($1, $2, $3, '{}')",
            )
            .bind(order.message_id(key))
            .bind(key)
            .bind(order.0)
            .execute(&database.pool)
            .await
            .expect("an event");
        }
    }
    database
}

/// Runs statements, with the names of the orders and `{then}`, ten minutes ago, put in.
pub async fn plant(database: &TestDatabase, sql: &str) {
    let sql = sql
        .replace("{confirmed}", &CONFIRMED.to_string())
        .replace("{failed}", &FAILED.to_string())
        .replace("{other}", &OTHER.to_string())
        .replace("{stray event}", &CONFIRMED.message_id("order.failed").to_string())
        .replace("{refund told}", &CONFIRMED.message_id("order_refunded").to_string())
        .replace("{refund announced}", &CONFIRMED.message_id("order.refunded").to_string())
        .replace("{then}", "now() - interval '10 minutes'");
    sqlx::raw_sql(AssertSqlSafe(sql.clone()))
        .execute(&database.pool)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

pub fn at_once() -> Options {
    Options {
        since: None,
        settle: None,
        grace: Duration::from_secs(60),
        patience: Duration::from_secs(3600),
        statement_timeout: Duration::from_secs(30),
        limit: 20,
    }
}

pub async fn audit(database: &TestDatabase, broker: Option<&Broker>, options: &Options) -> Report {
    run(&database.pool.connect_options(), broker, options).await.expect("audited")
}

/// The laws that were found broken, each with its lines.
pub fn broken(report: &Report) -> Vec<(Invariant, Vec<String>)> {
    let verdicts = report.invariants.iter().filter(|verdict| verdict.total > 0);
    verdicts.map(|verdict| (verdict.invariant, verdict.violations.iter().map(ToString::to_string).collect())).collect()
}
