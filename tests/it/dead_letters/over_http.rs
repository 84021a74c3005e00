//! The operator's verbs over HTTP: the same as on the command line.

use order_fleet::services::analytics_service::AnalyticsService;
use serde_json::json;

use super::*;
use crate::support::{Api, answer};

const LETTERS: &str = "/api/v1/dead-letters";

async fn scene() -> (Scene, Api) {
    let scene = Scene::open().await;
    let api = Api::start(scene.database.pool.clone()).await;
    (scene, api)
}

async fn get(api: &Api, path: &str) -> Value {
    let (status, body) = answer(api.get(path)).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn post(api: &Api, path: &str, body: Value) -> Value {
    let (status, answer) = answer(api.post(path, &body)).await;
    assert!((200..300).contains(&status), "{path}: {status} {answer}");
    answer
}

#[tokio::test]
async fn a_cause_is_found_understood_repaired_and_replayed() {
    let (mut scene, api) = scene().await;
    scene.dead_events("no order in the body, byte", 3, false).await;
    scene.stored(3).await;
    let groups = get(&api, "/api/v1/dead-letter-groups").await;
    let group = &groups["groups"][0];
    assert_eq!((&group["unresolved"], &group["queue"]), (&json!(3), &json!("analytics")), "{groups}");
    let group_id = group["id"].as_str().expect("an id");
    let noted = json!({"owner": "anna", "note": "the export was cut", "state": "acknowledged"});
    let (status, changed) = answer(api.patch(&format!("/api/v1/dead-letter-groups/{group_id}"), &noted)).await;
    assert_eq!((status, &changed["owner"], &changed["state"]), (200, &json!("anna"), &json!("acknowledged")));

    let first = get(&api, &format!("{LETTERS}?group_id={group_id}&state=unresolved&limit=2")).await;
    let cursor = first["next_cursor"].as_str().expect("another page");
    let rest = get(&api, &format!("{LETTERS}?group_id={group_id}&limit=2&cursor={cursor}")).await;
    assert_eq!((first["dead_letters"].as_array().map(Vec::len), &rest["next_cursor"]), (Some(2), &Value::Null));
    assert_eq!(rest["dead_letters"].as_array().map(Vec::len), Some(1));
    let id = rest["dead_letters"][0]["id"].as_str().expect("an id").to_owned();
    let shown = get(&api, &format!("{LETTERS}/{id}")).await;
    assert_eq!((&shown["if_replayed_now"]["verdict"], &shown["payload_text"]), (&json!("fail"), &json!("no event")));

    let letters = json!({"filter": {"group_id": group_id}});
    let counts = get(&api, &format!("{LETTERS}/counts?by=queue")).await;
    assert_eq!((&counts["counts"][0]["key"], &counts["counts"][0]["letters"]), (&json!("analytics"), &json!(3)));
    let preview = post(&api, "/api/v1/replays/preview", json!({"letters": letters})).await;
    assert_eq!(preview["groups"][0]["verdicts"][0]["verdict"], "would fail again", "{preview}");
    // what is no JSON cannot be mended by a patch
    let mend = json!({"letters": letters, "reason": "cut", "patch": [{"op": "add", "path": "/a", "value": 1}]});
    let refused = post(&api, &format!("{LETTERS}/repairs"), mend).await;
    assert_eq!((&refused["edited"], refused["refused"].as_array().map(Vec::len)), (&json!(0), Some(3)), "{refused}");

    scene.dead_events("the table is locked, try", 30, true).await;
    scene.stored(33).await;
    scene.workers.start(AnalyticsService::default());
    let asked = json!({"letters": {"filter": {"queue": "analytics"}}, "reason": "the table is free", "rate": 200});
    let begun = post(&api, "/api/v1/replays", asked).await;
    assert_eq!((&begun["total"], &begun["state"]), (&json!(33), &json!("running")));
    let id: Uuid = begun["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    scene.run(id).await;
    let ended = get(&api, &format!("/api/v1/replays/{id}")).await;
    assert_eq!((&ended["replay"]["state"], &ended["replay"]["applied"]), (&json!("stopped"), &json!(30)), "{ended}");
    assert_eq!(ended["first"][0]["state"], "failed", "{ended}");
    let listed = get(&api, "/api/v1/replays?limit=1").await;
    assert_eq!(listed["replays"][0]["id"], json!(id));
    let actions: Vec<String> = sqlx::query_scalar("select action from audit_log order by position")
        .fetch_all(&scene.database.pool)
        .await
        .expect("the log");
    let done = ["dead_letter_group.change", "replay.begin", "dead_letter_group.resolve", "replay.end"];
    assert_eq!(actions, done);
}

#[tokio::test]
async fn a_patch_is_tried_shown_and_stored_and_a_turn_that_is_not_possible_is_a_conflict() {
    let (scene, api) = scene().await;
    let broken = json!({"id": Uuid::new_v4(), "customer_id": "cust-7", "email": "ada@shop.example", "total": 10,
        "items": [{"sku": "GADGET-02", "quantity": 1, "price": 10}]});
    let properties = given_up(&Uuid::new_v4().to_string(), "order_processing", "orders", "process");
    scene.broker.publish("dlx", "failed", properties, broken.to_string().as_bytes()).await;
    let id = scene.stored(1).await[0].id;
    let repair = |dry_run: bool| {
        json!({"letters": {"ids": [id]}, "reason": "wrong article", "dry_run": dry_run, "patch": [
            {"op": "replace", "path": "/items/0/sku", "value": "GADGET-01"},
            {"op": "replace", "path": "/email", "value": "bob@shop.example"}]})
    };
    let tried = post(&api, &format!("{LETTERS}/repairs"), repair(true)).await;
    assert_eq!((&tried["changed"], tried["first"].as_array().map(Vec::len)), (&json!(1), Some(1)), "{tried}");
    assert!(!tried.to_string().contains("bob@"), "{tried}");
    assert!(String::from_utf8_lossy(&scene.letter(id).await.payload).contains("GADGET-02"), "nothing was stored");
    assert_eq!(post(&api, &format!("{LETTERS}/repairs"), repair(false)).await["edited"], 1);
    assert!(String::from_utf8_lossy(&scene.letter(id).await.payload).contains("GADGET-01"));
    let shown = get(&api, &format!("{LETTERS}/{id}")).await;
    assert!(!shown.to_string().contains("bob@") && shown["edits"][0]["reason"] == "wrong article", "{shown}");
    let revealed = post(&api, &format!("{LETTERS}/{id}/reveal"), json!({})).await;
    assert_eq!(revealed["payload"]["email"], "bob@shop.example");

    let named = json!({"ids": [id], "reason": "a test order"});
    assert_eq!(post(&api, &format!("{LETTERS}/discards"), named.clone()).await["dead_letters"][0]["done"], true);
    let again = post(&api, &format!("{LETTERS}/discards"), named.clone()).await;
    assert_eq!(again["dead_letters"][0]["detail"], "not discarded: it is discarded", "{again}");
    assert_eq!(post(&api, &format!("{LETTERS}/restorations"), named).await["dead_letters"][0]["done"], true);

    let traced = "select count(*) from audit_log where action in ('dead_letter.discard', 'dead_letter.restore')
        and correlation_id is not null and reason = 'a test order'";
    assert_eq!(scene.database.number(traced).await, 2, "the log leads to the requests");

    let begun = post(&api, "/api/v1/replays", json!({"letters": {"ids": [id]}, "reason": "mended"})).await;
    let replay = format!("/api/v1/replays/{}", begun["id"].as_str().expect("an id"));
    assert_eq!(post(&api, &format!("{replay}/pause"), json!({})).await["state"], "paused");
    let (status, problem) = answer(api.post(&format!("{replay}/pause"), &json!({}))).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/conflict")), "{problem}");
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("is paused")), "{problem}");
    assert_eq!(post(&api, &format!("{replay}/resume"), json!({})).await["state"], "running");
    assert_eq!(post(&api, &format!("{replay}/cancel"), json!({})).await["state"], "cancelled");

    let erased = post(&api, &format!("{LETTERS}/erasures"), json!({"customer_id": "cust-7", "reason": "r-1"})).await;
    assert_eq!(erased, json!({"erased": 1}));
    assert!(!String::from_utf8_lossy(&scene.letter(id).await.payload).contains("bob@"));
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_every_part_at_fault() {
    let (_scene, api) = scene().await;
    let unknown = Uuid::now_v7();
    for path in ["dead-letters", "dead-letter-groups", "replays"] {
        for id in [unknown.to_string(), "x".to_owned()] {
            assert_eq!(answer(api.get(&format!("/api/v1/{path}/{id}"))).await.0, 404, "{path}");
        }
    }
    let (status, problem) = answer(api.get(&format!("{LETTERS}?state=dead&since=now&colour=red"))).await;
    let pointers: Vec<&Value> =
        problem["errors"].as_array().into_iter().flatten().map(|error| &error["pointer"]).collect();
    assert_eq!((status, pointers), (422, vec![&json!("/state"), &json!("/since"), &json!("/colour")]), "{problem}");
    let many: Vec<Uuid> = (0..201).map(|_| Uuid::now_v7()).collect();
    let patch = json!([{"op": "remove", "path": "/a"}]);
    let asked = json!({"letters": {"ids": many}, "reason": "x", "patch": patch});
    let (status, problem) = answer(api.post(&format!("{LETTERS}/repairs"), &asked)).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/letters/ids")), "{problem}");
    let none = post(&api, &format!("{LETTERS}/discards"), json!({"ids": [unknown], "reason": "x"})).await;
    assert_eq!(none["dead_letters"][0]["detail"], "there is no such dead letter");
}
