//! Submitting, showing and listing.

use std::collections::HashSet;

use futures_util::future::join_all;
use order_fleet::contract::Outgoing;
use order_fleet::domain::{Order, OrderId};
use serde_json::json;

use super::{order, order_with, orders_in, shop};
use crate::support::{answer, read};

#[tokio::test]
async fn an_accepted_order_is_committed_with_its_history_and_its_message() {
    let (database, api) = shop().await;
    let request = api.post("/api/v1/orders", &order()).header("x-correlation-id", "shop-42");
    let response = request.send().await.expect("an answer");
    assert_eq!(response.headers()["x-correlation-id"], "shop-42");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let location = response.headers()["location"].to_str().expect("text").to_owned();
    let (status, body) = read(response).await;
    assert_eq!(status, 202, "{body}");
    assert_eq!(location, format!("/api/v1/orders/{}", body["id"].as_str().expect("an id")));
    assert_eq!(
        (&body["status"], &body["total"], &body["phone"]),
        (&json!("pending"), &json!(39.98), &json!("+4930123456"))
    );

    let (message, transactions): (String, i64) = sqlx::query_as(
        "select message::text, (select count(distinct xmin::text) from \
             (select xmin from orders union all select xmin from order_history union all select xmin from outbox) as written) \
         from outbox",
    )
    .fetch_one(&database.pool)
    .await
    .expect("one message");
    assert_eq!(transactions, 1, "order, history and message are one commit");
    let message: Outgoing = serde_json::from_str(&message).expect("an outgoing message");
    let sent: Order = serde_json::from_str(message.body.get()).expect("the order");
    let mut answered = body.clone();
    answered.as_object_mut().expect("an object").remove("tracking_url");
    assert_eq!(serde_json::to_value(&sent).expect("encodes"), answered);
    assert_eq!(message.message_id, sent.id.message_id("submitted"));
    assert_eq!((message.exchange.as_str(), message.routing_key.as_str()), ("orders", "process"));
    assert_eq!((message.kind.as_str(), message.correlation_id.as_deref()), ("order.submitted", Some("shop-42")));

    let (status, shown) = answer(api.get(&location)).await;
    assert_eq!(status, 200);
    assert_eq!((&shown["created_at"], &shown["saga"]), (&body["created_at"], &json!(null)));
    assert_eq!(shown["timeline"][0]["event"], "accepted");
    assert_eq!(shown["timeline"][0]["message_id"], json!(message.message_id));
}

#[tokio::test]
async fn an_order_without_prices_gets_todays_and_keeps_the_shops_own_data() {
    let (_database, api) = shop().await;
    let wanted = json!({
        "customer_id": "c-1", "email": "ada@shop.example", "items": [{"sku": "WIDGET-01", "quantity": 3}],
        "payment_token": "tok_visa", "metadata": {"channel": "web", "tags": ["a", {"deep": [1, null, "ü"]}]}
    });
    let (status, accepted) = api.submit(&wanted).await;
    assert_eq!(status, 202, "{accepted}");
    let (_, shown) = answer(api.get(&format!("/api/v1/orders/{}", accepted["id"].as_str().expect("an id")))).await;
    assert_eq!(shown["items"], json!([{"sku": "WIDGET-01", "quantity": 3, "price": 19.99}]));
    assert_eq!((&shown["total"], &shown["metadata"]), (&json!(59.97), &wanted["metadata"]));
}

#[tokio::test]
async fn what_another_process_changes_in_the_catalogue_holds_for_the_next_order() {
    let (database, api) = shop().await;
    let wanted = json!({
        "customer_id": "c-1", "email": "ada@shop.example", "items": [{"sku": "WIDGET-01", "quantity": 1}]
    });
    let order = async |number: &str| {
        let request = api.post("/api/v1/orders", &wanted).header("idempotency-key", number);
        let (status, body) = answer(request).await;
        (status, body["total"].clone())
    };
    assert_eq!(order("1").await, (202, json!(19.99)));
    database.execute("update products set price = 25").await;
    assert_eq!(order("2").await, (202, json!(25.0)));
    database.execute("update products set active = false").await;
    assert_eq!(order("3").await.0, 422);
    database.execute("update products set active = true, price = 5").await;
    assert_eq!(order("3").await, (202, json!(5.0)));
    assert_eq!(orders_in(&database).await, 3);
    assert_eq!(database.number("select count(*) from idempotency_keys").await, 3);
}

#[tokio::test]
async fn orders_that_arrive_together_are_all_accepted_and_a_bad_one_among_them_is_not() {
    let (database, api) = shop().await;
    let bad = order_with("total", json!(1));
    let good = order();
    let answers = join_all((0..60).map(|n| api.submit(if n % 3 == 0 { &bad } else { &good }))).await;
    for (n, (status, body)) in answers.iter().enumerate() {
        assert_eq!(*status, if n % 3 == 0 { 422 } else { 202 }, "{body}");
    }
    assert_eq!(orders_in(&database).await, 40);
    assert_eq!(database.number("select count(*) from outbox").await, 40);
    assert_eq!(database.number("select count(*) from order_history where event = 'accepted'").await, 40);
    let transactions = database.number("select count(distinct xmin::text) from orders").await;
    assert!(transactions < 40, "40 orders took {transactions} transactions");
}

#[tokio::test]
async fn pages_show_every_order_once_newest_first_while_new_ones_come_in() {
    let (_database, api) = shop().await;
    let wanted = order();
    for (status, body) in join_all((0..25).map(|_| api.submit(&wanted))).await {
        assert_eq!(status, 202, "{body}");
    }
    let (_, all) = answer(api.get("/api/v1/orders?limit=200")).await;
    let expected: Vec<String> = ids(&all);
    assert_eq!((expected.len(), &all["next_cursor"]), (25, &json!(null)));
    let mut found = Vec::new();
    let mut path = "/api/v1/orders?limit=7&status=pending".to_owned();
    loop {
        let (status, page) = answer(api.get(&path)).await;
        assert_eq!(status, 200, "{page}");
        found.extend(ids(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/orders?limit=7&status=pending&cursor={cursor}");
        assert_eq!(api.submit(&order()).await.0, 202);
    }
    assert_eq!(found, expected);
    assert_eq!(found.iter().collect::<HashSet<_>>().len(), 25);
    let (_, none) = answer(api.get("/api/v1/orders?status=confirmed")).await;
    assert_eq!(none, json!({"orders": [], "next_cursor": null}));
}

#[tokio::test]
async fn parameters_at_fault_are_all_named() {
    let (_database, api) = shop().await;
    let (status, problem) = answer(api.get("/api/v1/orders?limit=201&status=done&cursor=zz&colour=red")).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/validation")));
    let mut pointers: Vec<&str> =
        problem["errors"].as_array().expect("errors").iter().filter_map(|e| e["pointer"].as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/colour", "/cursor", "/limit", "/status"]);
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_allowed_are_problems_too() {
    let (_database, api) = shop().await;
    for path in [format!("/api/v1/orders/{}", OrderId::mint()), "/api/v1/orders/seven".into(), "/nothing".into()] {
        let response = api.get(&path).send().await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let (status, problem) = read(response).await;
        assert_eq!((status, &problem["type"]), (404, &json!("/problems/not-found")));
        assert_eq!(problem["instance"], json!(path));
    }
    let response = api.client.delete(format!("{}/api/v1/orders", api.address)).send().await.expect("an answer");
    let allowed = response.headers()["allow"].to_str().expect("text").to_owned();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
    let (status, problem) = read(response).await;
    assert_eq!((status, &problem["type"]), (405, &json!("/problems/method-not-allowed")));
}

#[tokio::test]
async fn a_correlation_id_that_breaks_the_rules_is_replaced() {
    let (_database, api) = shop().await;
    let response = api.get("/api/v1/products").header("x-correlation-id", "two words").send().await.expect("an answer");
    let id = response.headers()["x-correlation-id"].to_str().expect("text");
    assert!(uuid::Uuid::parse_str(id).is_ok(), "{id}");
}

#[tokio::test]
async fn statistics_of_an_idle_shop_are_zeroes_and_those_of_a_busy_one_add_up() {
    let (database, api) = shop().await;
    let (status, idle) = answer(api.get("/api/v1/statistics")).await;
    assert_eq!(status, 200, "{idle}");
    assert_eq!((&idle["totals"]["revenue"], &idle["totals"]["mean_seconds_to_confirm"]), (&json!(0.0), &json!(null)));
    database
        .execute(
            "insert into statistics (period, starts_at, created, confirmed, revenue, confirm_seconds, confirm_seconds_max) \
             select period, date_trunc(period, now()), 3, 2, 50.10, 3, 2 from unnest(array['minute', 'day']) as period",
        )
        .await;
    database
        .execute(
            "insert into statistics_failures (period, starts_at, reason, count) \
             values ('day', date_trunc('day', now()), 'out_of_stock', 1)",
        )
        .await;
    let (_, busy) = answer(api.get("/api/v1/statistics?minutes=5&days=2")).await;
    assert_eq!((&busy["totals"]["created"], &busy["totals"]["revenue"]), (&json!(3), &json!(50.1)));
    assert_eq!(
        (&busy["totals"]["mean_seconds_to_confirm"], &busy["failures"]),
        (&json!(1.5), &json!({"out_of_stock": 1}))
    );
    assert_eq!((&busy["minutes"][0]["confirmed"], &busy["days"][0]["confirmed"]), (&json!(2), &json!(2)));
    assert_eq!((&busy["notifications"], &busy["events_recorded"]), (&json!({}), &json!(0)));
}

fn ids(page: &serde_json::Value) -> Vec<String> {
    let orders = page["orders"].as_array().expect("orders");
    orders.iter().map(|order| order["id"].as_str().expect("an id").to_owned()).collect()
}
