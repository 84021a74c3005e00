//! API keys: made, used, seen, expired, revoked.

use order_fleet::access::{Role, Trust};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::process::Command;
use uuid::Uuid;

use super::{SECRET, customer, guarded, key, order_by, refusal, submitted, token, with_product};
use crate::support::{TestDatabase, answer, eventually};

#[tokio::test]
async fn a_key_opens_what_its_role_may_and_is_stored_as_a_hash_only() {
    let (database, api) = guarded().await;
    with_product(&api).await;
    let request = api.post("/api/v1/api-keys", &json!({"name": "shop-1", "role": "operator"}));
    let (status, made) = answer(request.bearer_auth(token(Role::Admin, "root"))).await;
    assert_eq!(status, 201, "{made}");
    let shop = made["key"].as_str().expect("a key");
    assert!(shop.starts_with(made["prefix"].as_str().expect("a prefix")));
    assert_eq!(answer(api.get("/api/v1/status").bearer_auth(shop)).await.0, 200);
    assert_eq!(answer(api.get("/api/v1/status").header("x-api-key", shop)).await.0, 200);
    assert_eq!(answer(api.get("/api/v1/audit").bearer_auth(shop)).await.0, 403);
    let stored: String = sqlx::query_scalar("select string_agg(api_keys::text, '') from api_keys")
        .fetch_one(&database.pool)
        .await
        .expect("rows");
    assert!(!stored.contains(&shop[15..]), "only the hash is stored");
    let (_, page) = answer(api.get("/api/v1/api-keys").bearer_auth(token(Role::Admin, "root"))).await;
    assert!(!page.to_string().contains(&shop[15..]));
    let listed = &page["api_keys"][0];
    assert_eq!((&listed["name"], &listed["created_by"]), (&json!("shop-1"), &json!("admin:root")));
    assert!(listed["last_used_at"].is_string());
    // one for a customer reaches what is that customer's
    let (eve, _) = key(&database, "app-of-eve", customer("cust-7")).await;
    let (theirs, own) = (submitted(&api, "cust-8").await, submitted(&api, "cust-7").await);
    let show = async |id: &str| answer(api.get(&format!("/api/v1/orders/{id}")).bearer_auth(&eve)).await.0;
    assert_eq!((show(&own).await, show(&theirs).await), (200, 404));
    assert_eq!(answer(api.post("/api/v1/orders", &order_by("cust-8")).bearer_auth(&eve)).await.0, 403);
}

#[tokio::test]
async fn a_key_that_is_revoked_expired_or_invented_opens_nothing() {
    let (database, api) = guarded().await;
    let (shop, id) = key(&database, "shop-1", Trust::Operator).await;
    let ask = async || api.get("/api/v1/status").bearer_auth(&shop).send().await.expect("an answer").status();
    assert_eq!(ask().await, StatusCode::OK);
    let path = format!("/api/v1/api-keys/{id}?reason=lost");
    let revoke = || api.client.delete(format!("{}{path}", api.address)).bearer_auth(token(Role::Admin, "root"));
    let (status, first) = answer(revoke()).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(answer(revoke()).await, (200, first), "to revoke it again changes nothing");
    eventually("the key is refused", async || (ask().await == StatusCode::UNAUTHORIZED).then_some(())).await;
    let reasons = database.number("select count(*) from audit_log where action = 'api_key.revoke' and reason = 'lost'");
    assert_eq!(reasons.await, 1);
    let (short, id) = key(&database, "shop-2", Trust::Operator).await;
    sqlx::query("update api_keys set expires_at = now() - interval '1 second' where id = $1")
        .bind(Uuid::parse_str(&id).expect("an id"))
        .execute(&database.pool)
        .await
        .expect("expired");
    let invented = format!("{}{}", &short[..70], if short.ends_with('0') { "111111111" } else { "000000000" });
    for wrong in [&short, &invented] {
        let (status, challenge, _) = refusal(api.get("/api/v1/status").header("x-api-key", wrong)).await;
        assert_eq!(status, 401);
        assert!(challenge.contains("the API key is unknown, expired or revoked"), "{challenge}");
    }
}

#[tokio::test]
async fn every_fault_of_a_new_key_is_named() {
    let (_database, api) = guarded().await;
    let faults = async |body: Value| {
        let request = api.post("/api/v1/api-keys", &body).bearer_auth(token(Role::Admin, "root"));
        let (status, problem) = answer(request).await;
        assert_eq!(status, 422, "{problem}");
        let errors = problem["errors"].as_array().expect("errors").clone();
        errors.iter().map(|error| error["pointer"].as_str().expect("a pointer").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(faults(json!({})).await, ["/name", "/role"]);
    assert_eq!(
        faults(json!({"name": "two words", "role": "root", "customer_id": "a b", "expires_at": "soon", "colour": 1}))
            .await,
        ["/name", "/role", "/customer_id", "/expires_at", "/colour"]
    );
    assert_eq!(faults(json!({"name": "a", "role": "customer"})).await, ["/customer_id"]);
    assert_eq!(faults(json!({"name": "a", "role": "admin", "customer_id": "c-1"})).await, ["/customer_id"]);
    assert_eq!(
        faults(json!({"name": "a", "role": "admin", "expires_at": "2020-01-01T00:00:00Z"})).await,
        ["/expires_at"]
    );
}

/// What `order-api` prints, and its exit code.
async fn order_api(database: &TestDatabase, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_order-api"));
    command.args(arguments).env("DATABASE_URL", database.url(None)).env("JWT_SECRET", SECRET);
    let output = command.env_remove("JWKS_URL").output().await.expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text").trim().to_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn the_command_line_makes_the_first_token_and_the_first_key() {
    let (database, api) = guarded().await;
    let (code, token, _) = order_api(&database, &["token", "--role", "admin", "--subject", "root"]).await;
    assert_eq!(code, Some(0));
    assert_eq!(answer(api.get("/api/v1/audit").bearer_auth(&token)).await.0, 200);
    let own = ["token", "--role", "customer", "--subject", "eve@shop.example", "--customer", "c-17", "--ttl", "1h"];
    let (_, token, _) = order_api(&database, &own).await;
    assert_eq!(answer(api.get("/api/v1/orders").bearer_auth(&token)).await.0, 200);
    let wrong = ["token", "--role", "admin", "--subject", "root", "--customer", "c-17"];
    assert_eq!(order_api(&database, &wrong).await.0, Some(2));

    let (code, shop, _) = order_api(&database, &["keys", "create", "--name", "shop-1", "--role", "operator"]).await;
    assert_eq!(code, Some(0));
    assert_eq!(answer(api.get("/api/v1/status").bearer_auth(&shop)).await.0, 200);
    let (_, listed, _) = order_api(&database, &["keys", "--json", "list"]).await;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let id = listed["api_keys"][0]["id"].as_str().expect("an id");
    let (code, line, _) = order_api(&database, &["keys", "revoke", id, "--reason", "lost"]).await;
    assert!(code == Some(0) && line.contains("revoked"), "{line}");
    let nobody = Uuid::now_v7().to_string();
    let (code, _, error) = order_api(&database, &["keys", "revoke", &nobody]).await;
    assert!(code == Some(1) && error.contains("there is no API key"), "{error}");
    assert_eq!(database.number("select count(*) from audit_log where actor = 'system:console'").await, 2);
}

#[tokio::test]
async fn an_api_that_could_prove_nothing_does_not_start() {
    let start = async |variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_order-api"));
        for name in ["JWT_SECRET", "JWKS_URL", "ACCESS"] {
            command.env_remove(name);
        }
        command.envs([("HTTP_ADDR", "127.0.0.1:0"), ("METRICS_ADDR", "127.0.0.1:0"), ("LOG_FORMAT", "json")]);
        let output = command.envs(variables.iter().copied()).kill_on_drop(true).output();
        let output = tokio::time::timeout(std::time::Duration::from_secs(20), output).await.expect("it ends");
        let output = output.expect("it runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    };
    for (variables, words) in [
        (&[][..], "JWT_SECRET (openssl rand -hex 32) or JWKS_URL must be set"),
        (&[("JWT_SECRET", "")], "JWT_SECRET (openssl rand -hex 32) or JWKS_URL must be set"),
        (&[("JWT_SECRET", "hunter2")], "must have at least 32 characters"),
        (&[("JWKS_URL", "ftp://keys")], "JWKS_URL: must be an http or https address"),
    ] {
        let (code, log) = start(variables).await;
        assert_eq!(code, Some(1), "{log}");
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains(words) && !log.contains("hunter2"), "{log}");
    }
}
