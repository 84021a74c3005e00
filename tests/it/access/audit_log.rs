//! The audit log: what stands in it, that nobody changes it, and that it can be read to its end while it grows.

use futures_util::future::join_all;
use order_fleet::access::Role;
use serde_json::{Value, json};

use super::{guarded, order_by, token, with_product};
use crate::support::{Api, answer};

async fn read(api: &Api, query: &str) -> Value {
    let (status, page) =
        answer(api.get(&format!("/api/v1/audit{query}")).bearer_auth(token(Role::Admin, "root"))).await;
    assert_eq!(status, 200, "{page}");
    page
}

async fn adjust(api: &Api, who: &str, delta: i64) -> (u16, Value) {
    let body = json!({"delta": delta, "reason": "counted"});
    let request = api.post("/api/v1/products/WIDGET-01/adjustments", &body).header("x-correlation-id", "request-7");
    answer(request.bearer_auth(token(Role::Operator, who))).await
}

#[tokio::test]
async fn an_entry_says_who_did_what_to_what_and_why() {
    let (database, api) = guarded().await;
    with_product(&api).await;
    assert_eq!(adjust(&api, "anna", -40).await.0, 200);
    // refused: nothing was done
    assert_eq!(adjust(&api, "anna", -61).await.0, 409);
    let order = answer(api.post("/api/v1/orders", &order_by("c-1")).bearer_auth(token(Role::Customer, "c-1"))).await;
    assert_eq!(order.0, 202);
    let page = read(&api, "").await;
    let entries = page["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 2, "{page}");
    let mut entry = entries[1].clone();
    assert!(entry["at"].as_str().is_some_and(|at| at.ends_with('Z')));
    entry.as_object_mut().expect("an entry").remove("at");
    let hash = entry.as_object_mut().expect("an entry").remove("hash").expect("a hash");
    assert_eq!(hash.as_str().map(str::len), Some(64));
    let expected = json!({
        "position": 2, "actor": "operator:anna", "role": "operator", "action": "stock.adjust",
        "target": "product:WIDGET-01", "reason": "counted", "before": {"on_hand": 100}, "after": {"on_hand": 60},
        "correlation_id": "request-7"
    });
    assert_eq!(entry, expected);
    for change in [
        "update audit_log set actor = 'somebody'",
        "delete from audit_log",
        "truncate audit_log",
        "delete from audit_log_end",
    ] {
        let refused = sqlx::query(sqlx::AssertSqlSafe(change)).execute(&database.pool).await.expect_err(change);
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}

#[tokio::test]
async fn the_log_has_no_gap_and_is_read_in_pages_by_filters() {
    let (database, api) = guarded().await;
    with_product(&api).await;
    let deeds = join_all((0..20).map(async |number| {
        let (who, delta) = if number % 2 == 0 { ("anna", 1) } else { ("bert", -1_000) };
        adjust(&api, who, delta).await.0
    }));
    let statuses = deeds.await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 10);
    let (mut positions, mut query) = (Vec::new(), "?limit=4".to_owned());
    loop {
        let page = read(&api, &query).await;
        positions.extend(page["entries"].as_array().expect("entries").iter().map(|entry| entry["position"].as_i64()));
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("?limit=4&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(positions, (1..=11).map(Some).collect::<Vec<_>>());
    let found = async |query: &str| read(&api, query).await["entries"].as_array().expect("entries").len();
    assert_eq!(found("?actor=operator:anna").await, 10);
    assert_eq!(found("?actor=operator:bert").await, 0);
    assert_eq!(found("?action=product.create").await, 1);
    assert_eq!(found("?target=product:WIDGET-01&since=2020-01-01T00:00:00Z").await, 11);
    assert_eq!(found("?until=2020-01-01T00:00:00Z").await, 0);
    let (status, problem) =
        answer(api.get("/api/v1/audit?since=yesterday&cursor=x").bearer_auth(token(Role::Admin, "root"))).await;
    assert_eq!((status, problem["errors"].as_array().expect("errors").len()), (422, 2), "{problem}");
    assert_eq!(database.number("select position from audit_log_end").await, 11);
}

#[tokio::test]
async fn whoever_changes_the_log_is_found_out() {
    let (database, api) = guarded().await;
    with_product(&api).await;
    for delta in 1..=5 {
        let body = json!({"delta": delta, "reason": "counted"});
        let adjusted = api.post("/api/v1/products/WIDGET-01/adjustments", &body);
        assert_eq!(answer(adjusted.bearer_auth(token(Role::Operator, "anna"))).await.0, 200);
    }
    let chain = async || {
        let verified = api.get("/api/v1/audit/chain").bearer_auth(token(Role::Admin, "root"));
        let (status, chain) = answer(verified).await;
        assert_eq!(status, 200, "{chain}");
        chain
    };
    let whole = chain().await;
    assert_eq!((&whole["holds"], &whole["entries"], &whole["broken_at"]), (&json!(true), &json!(6), &Value::Null));
    let tampered = async |change: &'static str| {
        database.execute("alter table audit_log disable trigger user").await;
        database.execute("create table if not exists honest as select * from audit_log").await;
        database.execute(change).await;
        let found = chain().await;
        database.execute("delete from audit_log").await;
        database.execute("insert into audit_log select * from honest").await;
        database.execute("alter table audit_log enable trigger user").await;
        (found["holds"].clone(), found["broken_at"].clone())
    };
    let broken_at = |position: i64| (json!(false), json!(position));
    assert_eq!(tampered("update audit_log set reason = 'stolen' where position = 3").await, broken_at(3));
    assert_eq!(tampered("update audit_log set at = at - interval '1 hour' where position = 2").await, broken_at(2));
    assert_eq!(tampered("delete from audit_log where position = 4").await, broken_at(5));
    assert_eq!(tampered("delete from audit_log where position = 6").await, broken_at(6));
    assert_eq!(chain().await, whole);
}

#[tokio::test]
async fn what_operators_do_to_products_and_money_is_in_it() {
    let (database, api) = guarded().await;
    with_product(&api).await;
    let anna = |request: reqwest::RequestBuilder| answer(request.bearer_auth(token(Role::Operator, "anna")));
    let path = "/api/v1/products/WIDGET-01";
    assert_eq!(anna(api.patch(path, &json!({"price": 24.5}))).await.0, 200);
    assert_eq!(anna(api.delete(path)).await.0, 200);
    let file = "sku,active,stock\nWIDGET-01,true,70\n";
    assert_eq!(anna(api.post_csv("/api/v1/inventory/imports?dry_run=true", file)).await.0, 200);
    assert_eq!(anna(api.post_csv("/api/v1/inventory/imports", file)).await.0, 200);
    let (_, order) =
        answer(api.post("/api/v1/orders", &order_by("c-1")).bearer_auth(token(Role::Customer, "c-1"))).await;
    let id = order["id"].as_str().expect("an id");
    database.execute("update orders set status = 'confirmed', confirmed_at = now()").await;
    database.execute("insert into payments (order_id, amount, status) select id, total, 'taken' from orders").await;
    let refund = format!("/api/v1/orders/{id}/refund");
    for expected in [202, 200] {
        assert_eq!(anna(api.post(&refund, &json!({"reason": "arrived broken"}))).await.0, expected);
    }
    let page = read(&api, "?actor=operator:anna").await;
    let entries = page["entries"].as_array().expect("entries");
    let deeds: Vec<_> = entries.iter().map(|entry| (&entry["action"], &entry["target"])).collect();
    assert_eq!(
        deeds,
        [
            (&json!("product.change"), &json!("product:WIDGET-01")),
            (&json!("product.deactivate"), &json!("product:WIDGET-01")),
            (&json!("product.import"), &json!("products")),
            (&json!("order.refund"), &json!(format!("order:{id}"))),
        ]
    );
    assert_eq!((&entries[0]["before"]["price"], &entries[0]["after"]["price"]), (&json!(19.99), &json!(24.5)));
    assert_eq!(entries[3]["reason"], "arrived broken");
    let history = "select count(*) from order_history where event = 'refund_requested' and actor = 'operator:anna'
                   and detail = 'arrived broken'";
    assert_eq!(database.number(history).await, 1);
}

#[tokio::test]
async fn a_customer_sees_the_own_payment_without_how_calls_failed() {
    let (database, api) = guarded().await;
    with_product(&api).await;
    let (_, order) =
        answer(api.post("/api/v1/orders", &order_by("c-1")).bearer_auth(token(Role::Customer, "c-1"))).await;
    database
        .execute(
            "insert into payment_attempts (order_id, call, attempt, outcome, detail)
             select id, 'charge', 1, 'failed', 'https://gateway.internal refused' from orders",
        )
        .await;
    let path = format!("/api/v1/orders/{}/payment", order["id"].as_str().expect("an id"));
    for (role, subject, detail) in
        [(Role::Customer, "c-1", Value::Null), (Role::Operator, "anna", json!("https://gateway.internal refused"))]
    {
        let (status, payment) = answer(api.get(&path).bearer_auth(token(role, subject))).await;
        assert_eq!((status, &payment["attempts"][0]["detail"]), (200, &detail), "{payment}");
    }
}
