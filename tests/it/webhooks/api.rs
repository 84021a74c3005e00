//! `/api/v1/webhooks` as a client sees it.

use serde_json::{Value, json};

use super::succeeds;
use crate::support::{Api, TestDatabase, answer};

const WEBHOOKS: &str = "/api/v1/webhooks";

async fn created(api: &Api) -> (String, Value) {
    let body = json!({
        "url": "https://partner.example/hooks?token=x", "event_types": ["order.*", "stock.low"],
        "description": " mirror ", "customer_id": "c-1"
    });
    let response = api.post(WEBHOOKS, &body).send().await.expect("an answer");
    assert_eq!(response.status(), 201);
    let location = response.headers()["location"].to_str().expect("text").to_owned();
    (location, response.json().await.expect("JSON"))
}

#[tokio::test]
async fn an_endpoint_is_registered_shown_changed_paused_enabled_and_deleted() {
    let database = TestDatabase::create().await;
    let api = Api::start(database.pool.clone()).await;
    let (page, endpoint) = created(&api).await;
    let secret = endpoint["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    assert_eq!((&endpoint["state"], &endpoint["description"]), (&json!("enabled"), &json!("mirror")));
    let shown = succeeds(api.get(&page)).await;
    assert!(shown.get("secret").is_none(), "shown once");
    assert_eq!(shown["event_types"], json!(["order.*", "stock.low"]));
    let listed = succeeds(api.get(WEBHOOKS)).await;
    assert_eq!(listed["webhooks"], json!([shown]));
    assert!(!listed.to_string().contains("whsec_"));

    let change = json!({"event_types": ["*"], "customer_id": null, "url": "https://partner.example/v2"});
    let changed = succeeds(api.patch(&page, &change)).await;
    assert_eq!((&changed["event_types"], &changed["customer_id"]), (&json!(["*"]), &Value::Null));
    assert_eq!((&changed["url"], &changed["description"]), (&json!("https://partner.example/v2"), &json!("mirror")));
    assert_eq!(succeeds(api.post(&format!("{page}/pause"), &json!({}))).await["state"], "paused");
    assert_eq!(succeeds(api.post(&format!("{page}/enable"), &json!({}))).await["state"], "enabled");
    let rotated = succeeds(api.post(&format!("{page}/rotate"), &json!({}))).await;
    assert_ne!(rotated["secret"].as_str(), Some(secret));
    assert_eq!(super::succeeds_empty(api.delete(&page)).await, 204);
    for request in
        [api.get(&page), api.delete(&page), api.patch(&page, &json!({})), api.get(&format!("{page}/deliveries"))]
    {
        let (status, problem) = answer(request).await;
        assert_eq!((status, &problem["type"]), (404, &json!("/problems/not-found")), "{problem}");
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_place() {
    let database = TestDatabase::create().await;
    let api = Api::start(database.pool.clone()).await;
    let (page, endpoint) = created(&api).await;
    let post = |path: &str, body: Value| (path.to_owned(), body);
    for ((path, body), pointer) in [
        (post(WEBHOOKS, json!({"event_types": ["*"]})), "/url"),
        (post(WEBHOOKS, json!({"url": 7, "event_types": ["*"]})), "/url"),
        (post(WEBHOOKS, json!({"url": "https://u:p@partner.example/", "event_types": ["*"]})), "/url"),
        (post(WEBHOOKS, json!({"url": "https://partner.example/", "event_types": []})), "/event_types"),
        (post(WEBHOOKS, json!({"url": "https://partner.example/", "event_types": ["ORDER"]})), "/event_types/0"),
        (post(WEBHOOKS, json!({"url": "https://partner.example/", "event_types": ["*"], "secret": "x"})), "/secret"),
        (post(&format!("{page}/rotate"), json!({"overlap_seconds": -1})), "/overlap_seconds"),
        (post(&format!("{page}/resend"), json!({})), "/since"),
        (post(&format!("{page}/resend"), json!({"since": "yesterday"})), "/since"),
        (post(&format!("{page}/resend"), json!({"since": "2026-01-01T00:00:00Z", "cursor": "7"})), "/cursor"),
    ] {
        let (status, problem) = answer(api.post(&path, &body)).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{body}: {problem}");
    }
    for (query, pointer) in [
        ("state=lost", "/state"),
        ("since=x", "/since"),
        ("cursor=x", "/cursor"),
        ("limit=0", "/limit"),
        ("what=x", "/what"),
    ] {
        let (status, problem) = answer(api.get(&format!("{page}/deliveries?{query}"))).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{problem}");
    }
    let other = format!("{WEBHOOKS}/{}", uuid::Uuid::new_v4());
    let delivery = uuid::Uuid::new_v4();
    for request in [
        api.get(&other),
        api.get(&format!("{WEBHOOKS}/none")),
        api.post(&format!("{other}/pause"), &json!({})),
        api.post(&format!("{other}/rotate"), &json!({})),
        api.post(&format!("{other}/ping"), &json!({})),
        api.post(&format!("{other}/resend"), &json!({"since": "2026-01-01T00:00:00Z"})),
        api.get(&format!("{page}/deliveries/{delivery}")),
        api.post(&format!("{page}/deliveries/{delivery}/resend"), &json!({})),
    ] {
        let (status, problem) = answer(request).await;
        assert_eq!((status, &problem["type"]), (404, &json!("/problems/not-found")), "{problem}");
    }
    assert_eq!(database.number("select count(*) from webhook_endpoints").await, 1);
    assert_eq!(database.number("select count(*) from outbox").await, 0);
    assert!(endpoint["id"].is_string());
}

#[tokio::test]
async fn pages_of_deliveries_and_endpoints_follow_each_other() {
    let database = TestDatabase::create().await;
    let api = Api::start(database.pool.clone()).await;
    let (page, _) = created(&api).await;
    database
        .execute(
            "insert into webhook_deliveries (id, endpoint_id, event_id, event_type, state, created_at)
             select gen_random_uuid(), e.id, gen_random_uuid(), 'order.' || n % 2, case n % 3 when 0 then 'failed' else 'delivered' end,
                    date_trunc('second', now()) - make_interval(secs => n / 10)
             from webhook_endpoints e, generate_series(1, 25) n",
        )
        .await;
    let walk = async |path: String, list: &str| {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let body = succeeds(api.get(&format!("{path}&limit=4{cursor}"))).await;
            found.extend(body[list].as_array().expect("rows").iter().map(|row| row["id"].to_string()));
            match body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    };
    let distinct = |mut ids: Vec<String>| {
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    };
    assert_eq!(distinct(walk(format!("{page}/deliveries?"), "deliveries").await), 25);
    assert_eq!(distinct(walk(format!("{page}/deliveries?state=failed&event_type=order.0"), "deliveries").await), 4);
    for _ in 0..9 {
        created(&api).await;
    }
    assert_eq!(distinct(walk(format!("{WEBHOOKS}?"), "webhooks").await), 10);
}
