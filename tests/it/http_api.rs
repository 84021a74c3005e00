//! order-api by HTTP on a real PostgreSQL, without a broker: what a client sees, and what is in the database after.

mod bad_input;
mod idempotency;
mod imports;
mod inventory;
mod orders;
mod outage;
mod payment_webhook;
mod products;

use serde_json::{Value, json};

use crate::support::{Api, TestDatabase};

/// A shop with 100 widgets at 19.99, and a customer who wants two of them.
async fn shop() -> (TestDatabase, Api) {
    let database = TestDatabase::create().await;
    let api = Api::start(database.pool.clone()).await;
    api.create_product("WIDGET-01", 19.99, 100).await;
    (database, api)
}

fn order() -> Value {
    json!({
        "customer_id": "c-1", "email": "ada@shop.example", "phone": "+49 30 123456",
        "items": [{"sku": "WIDGET-01", "quantity": 2, "price": 19.99}], "total": 39.98
    })
}

/// The order with one field replaced.
fn order_with(field: &str, value: Value) -> Value {
    let mut order = order();
    order[field] = value;
    order
}

async fn orders_in(database: &TestDatabase) -> i64 {
    database.number("select count(*) from orders").await
}
