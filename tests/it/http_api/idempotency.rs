//! One key, one order: repeated, reused, in parallel, in flight, and over two processes.

use futures_util::future::join_all;
use reqwest::RequestBuilder;
use serde_json::json;

use super::{order, order_with, orders_in, shop};
use crate::support::{Api, answer, eventually};

fn keyed(api: &Api, key: &str) -> RequestBuilder {
    api.post("/api/v1/orders", &order()).header("idempotency-key", key)
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_again_byte_for_byte() {
    let (database, api) = shop().await;
    let first = keyed(&api, "key-1").send().await.expect("an answer");
    let location = first.headers()["location"].clone();
    assert!(!first.headers().contains_key("idempotency-replayed"));
    let first = first.text().await.expect("a body");
    database.execute("update products set price = 25").await;
    // quoted, as the header's draft wants it, is the same key
    let again = keyed(&api, "\"key-1\"").send().await.expect("an answer");
    assert_eq!((again.status().as_u16(), &again.headers()["location"]), (202, &location));
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.text().await.expect("a body"), first);
    assert_eq!(orders_in(&database).await, 1);
    assert_eq!(database.number("select count(*) from outbox").await, 1);
}

#[tokio::test]
async fn a_key_with_another_body_is_refused() {
    let (database, api) = shop().await;
    assert_eq!(answer(keyed(&api, "key-1")).await.0, 202);
    let other = order_with("customer_id", json!("c-2"));
    let request = api.post("/api/v1/orders", &other).header("idempotency-key", "key-1");
    let (status, problem) = answer(request).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/idempotency-key-reused")), "{problem}");
    assert_eq!(orders_in(&database).await, 1);
}

#[tokio::test]
async fn a_refused_order_does_not_use_up_its_key() {
    let (database, api) = shop().await;
    let bad = order_with("total", json!(1));
    let (status, _) = answer(api.post("/api/v1/orders", &bad).header("idempotency-key", "key-1")).await;
    assert_eq!(status, 422);
    assert_eq!(answer(keyed(&api, "key-1")).await.0, 202);
    assert_eq!(orders_in(&database).await, 1);
}

#[tokio::test]
async fn fifty_requests_at_once_with_one_key_make_one_order() {
    let (database, api) = shop().await;
    let answers = join_all((0..50).map(|_| answer(keyed(&api, "key-1")))).await;
    let accepted: Vec<_> = answers.iter().filter(|(status, _)| *status == 202).collect();
    assert!(!accepted.is_empty());
    for (status, body) in &answers {
        match status {
            202 => assert_eq!(body, &accepted[0].1),
            _ => assert_eq!((*status, &body["type"]), (409, &json!("/problems/idempotency-key-in-flight")), "{body}"),
        }
    }
    assert_eq!(orders_in(&database).await, 1);
    assert_eq!(database.number("select count(*) from outbox").await, 1);
}

#[tokio::test]
async fn two_processes_with_the_same_keys_at_once_make_one_order_each() {
    let (database, one) = shop().await;
    let two = Api::start(database.pool.clone()).await;
    let keys: Vec<String> = (0..20).map(|n| format!("key-{n}")).collect();
    let answers = join_all(keys.iter().flat_map(|key| [&one, &two].map(|api| answer(keyed(api, key))))).await;
    for pair in answers.chunks(2) {
        assert_eq!((pair[0].0, pair[1].0), (202, 202), "{pair:?}");
        assert_eq!(pair[0].1, pair[1].1);
    }
    assert_eq!(orders_in(&database).await, 20);
    assert_eq!(database.number("select count(*) from outbox").await, 20);
}

#[tokio::test]
async fn a_process_waits_for_another_that_stores_the_same_key_and_gives_its_answer() {
    let (database, api) = shop().await;
    // the other process: a transaction that has the key and is not yet committed
    let mut other = database.pool.begin().await.expect("a transaction");
    let body = order().to_string();
    sqlx::query(
        "insert into idempotency_keys (scope, key, fingerprint, order_id, response) \
         values ('anyone', 'key-1', sha256(convert_to($1, 'UTF8')), gen_random_uuid(), '{\"by\": \"the other\"}')",
    )
    .bind(&body)
    .execute(&mut *other)
    .await
    .expect("the key");
    let waiting = tokio::spawn(answer(api.post_bytes("/api/v1/orders", body).header("idempotency-key", "key-1")));
    eventually("the intake waits for the key", async || {
        let waits = database.number("select count(*) from pg_locks where not granted and locktype = 'transactionid'");
        (waits.await > 0).then_some(())
    })
    .await;
    other.commit().await.expect("commits");
    let (status, answer) = waiting.await.expect("finished");
    assert_eq!((status, &answer["by"]), (202, &json!("the other")));
    assert_eq!(orders_in(&database).await, 0);
    assert_eq!(database.number("select count(*) from outbox").await, 0);
}

#[tokio::test]
async fn a_key_in_flight_is_refused_until_it_is_answered() {
    let (database, api) = shop().await;
    let mut lock = database.pool.begin().await.expect("a transaction");
    sqlx::query("lock table idempotency_keys in access exclusive mode").execute(&mut *lock).await.expect("locked");
    let first = tokio::spawn(answer(keyed(&api, "key-1")));
    eventually("the first request waits for the table", async || {
        let waits = database.number("select count(*) from pg_locks where not granted and locktype = 'relation'");
        (waits.await > 0).then_some(())
    })
    .await;
    let (status, problem) = answer(keyed(&api, "key-1")).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/idempotency-key-in-flight")));
    lock.commit().await.expect("unlocked");
    assert_eq!(first.await.expect("finished").0, 202);
    assert_eq!(answer(keyed(&api, "key-1")).await.0, 202);
    assert_eq!(orders_in(&database).await, 1);
}

#[tokio::test]
async fn a_key_that_breaks_the_rules_is_refused() {
    let (_database, api) = shop().await;
    for key in ["", "\"open", &"k".repeat(256)] {
        let (status, problem) = answer(keyed(&api, key)).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/Idempotency-Key")), "{problem}");
    }
}
