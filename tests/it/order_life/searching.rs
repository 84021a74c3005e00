//! Every combination of filters that the API allows is answered from an index, as PostgreSQL's own plan says.

use order_fleet::domain::{CustomerId, OrderId, OrderStatus, Sku};
use order_fleet::store::order_search::{OrderFilter, OrderPosition, Text, statement};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Execute, PgPool};
use time::macros::datetime;
use uuid::Uuid;

use crate::support::TestDatabase;

/// Enough for a scan of the whole table to be a bad idea: 40,000 orders of 4,000 customers, 200 products and some days.
const MANY: &str = "
    insert into orders (id, customer_id, email, items, total, status, correlation_id, created_at)
        select gen_random_uuid(), 'c-' || n % 4000, 'c' || n % 4000 || '@shop.example',
               jsonb_build_array(jsonb_build_object('sku', 'SKU-' || n % 200, 'quantity', 1, 'price', 1)), 1,
               (array['confirmed', 'shipped', 'delivered', 'failed', 'cancelled', 'confirmed', 'delivered', 'delivered'])[1 + n % 8],
               'k', timestamptz '2026-01-01 00:00Z' + n * interval '1 minute'
        from generate_series(1, 40000) n;
    insert into order_skus select items -> 0 ->> 'sku', created_at, id from orders;
    insert into order_words select id, array_to_tsvector(array['shop', 'example', replace(customer_id, '-', ''), 'w' || left(id::text, 4)]) from orders;
    analyze orders; analyze order_skus; analyze order_words;";

fn filter(parts: u8) -> OrderFilter {
    let has = |bit: u8| parts & (1 << bit) != 0;
    OrderFilter {
        status: has(0).then_some(OrderStatus::Failed),
        customer_id: has(1).then(|| CustomerId::parse("c-77").expect("valid")),
        sku: has(2).then(|| Sku::parse("SKU-77").expect("valid")),
        from: has(3).then_some(datetime!(2026-01-10 0:00 UTC)),
        to: has(4).then_some(datetime!(2026-01-20 0:00 UTC)),
        text: match (has(5), has(6)) {
            (true, false) => Some("w00".parse().expect("words")),
            (false, true) => Some("shop example".parse().expect("words")),
            (true, true) => Some(Text::Id(OrderId(Uuid::from_u128(7)))),
            (false, false) => None,
        },
    }
}

async fn plan(pool: &PgPool, filter: &OrderFilter, position: OrderPosition) -> Value {
    let mut builder = statement(filter, position, 51);
    let mut query = builder.build();
    let arguments = query.take_arguments().expect("encodes").expect("arguments");
    let sql = format!("explain (format json) {}", query.sql().as_str());
    sqlx::query_scalar_with(AssertSqlSafe(sql), arguments).fetch_one(pool).await.expect("a plan")
}

/// Every node of a plan.
fn nodes<'a>(plan: &'a Value, found: &mut Vec<&'a Value>) {
    found.push(plan);
    for below in plan["Plans"].as_array().into_iter().flatten() {
        nodes(below, found);
    }
}

#[tokio::test]
async fn every_combination_of_filters_is_answered_from_an_index() {
    let database = TestDatabase::create().await;
    sqlx::raw_sql(MANY).execute(&database.pool).await.expect("many orders");
    let middle = OrderPosition { created_at: datetime!(2026-01-15 0:00 UTC), id: OrderId(Uuid::from_u128(1 << 100)) };
    let mut looked_at = 0;
    for parts in 0..128_u8 {
        let filter = filter(parts);
        for position in [OrderPosition::NEWEST, middle] {
            let plan = plan(&database.pool, &filter, position).await;
            let mut found = Vec::new();
            nodes(&plan[0]["Plan"], &mut found);
            let scans: Vec<&Value> = found
                .into_iter()
                .filter(|node| node["Node Type"].as_str().is_some_and(|kind| kind.contains("Scan")))
                .collect();
            assert!(!scans.is_empty());
            for scan in scans {
                assert_ne!(scan["Node Type"], "Seq Scan", "{filter:?} from {position:?}: {plan:#}");
            }
            looked_at += 1;
        }
    }
    assert_eq!(looked_at, 256);
}
