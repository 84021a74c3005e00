//! The operator's commands, by the binary itself.

use std::process::Stdio;

use order_fleet::store::dead_letters::State;
use tokio::process::Command;

use super::*;
use crate::support::Stage;

pub struct Answer {
    pub code: i32,
    pub out: String,
}

/// Where an operator works: the addresses of a database and of a broker.
pub trait Workplace {
    fn addresses(&self) -> (String, String);
}

impl Workplace for Scene {
    fn addresses(&self) -> (String, String) {
        (self.database.url(None), self.broker.url.clone())
    }
}

impl Workplace for Stage {
    fn addresses(&self) -> (String, String) {
        (self.database.url(None), self.host.url.clone())
    }
}

pub async fn run(place: &impl Workplace, arguments: &[&str]) -> Answer {
    let (database, broker) = place.addresses();
    let output = Command::new(env!("CARGO_BIN_EXE_dead-letter-handler"))
        .args(arguments)
        .env("DATABASE_URL", database)
        .env("AMQP_URL", broker)
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the binary runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    Answer { code: output.status.code().unwrap_or(-1), out: out + &errors }
}

pub fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {}", answer.out))
}

async fn scene() -> (Scene, Uuid) {
    let scene = Scene::open().await;
    let order_id = Uuid::new_v4();
    let orders = given_up("m-1", "order_processing", "orders", "process");
    scene.broker.publish("dlx", "failed", orders, &order(order_id)).await;
    for id in ["m-2", "m-3"] {
        let properties = given_up(id, "email_notifications", "notifications", "");
        scene.broker.publish("dlx", "failed", properties, b"\xff").await;
    }
    scene.stored(3).await;
    (scene, order_id)
}

#[tokio::test]
async fn an_operator_finds_understands_and_replays() {
    let (scene, order_id) = scene().await;
    let table = run(&scene, &["list", "--order", &order_id.to_string()]).await;
    assert_eq!((table.code, table.out.lines().count()), (0, 2), "{}", table.out);
    assert!(table.out.contains("a***@shop.example") && !table.out.contains("ada@"), "{}", table.out);

    let page = json(
        &run(&scene, &["list", "--json", "--text", "CLOSED", "--since", "2026-01-01T00:00:00Z", "--limit", "2"]).await,
    );
    assert_eq!(page["dead_letters"].as_array().map(Vec::len), Some(2));
    let rest = json(&run(&scene, &["list", "--json", "--after", page["next"].as_str().expect("a place")]).await);
    assert_eq!((rest["dead_letters"].as_array().map(Vec::len), &rest["next"]), (Some(1), &Value::Null));
    let none = run(&scene, &["list", "--state", "resolved"]).await;
    assert_eq!(none.out, "no dead letters\n");

    let counted = json(&run(&scene, &["count", "--by", "customer", "--json"]).await);
    assert_eq!(counted["counts"], serde_json::json!([]), "nobody's customer is known: {counted}");
    let counted = run(&scene, &["count", "--by", "order"]).await;
    assert!(counted.out.contains(&order_id.to_string()) && counted.out.lines().count() == 2, "{}", counted.out);

    let listed = json(&run(&scene, &["list", "--json", "--queue", "order_processing"]).await);
    let id = listed["dead_letters"][0]["id"].as_str().expect("an id").to_owned();
    let shown = run(&scene, &["show", &id]).await;
    for part in [
        "refused",
        "order_processing",
        "exchange orders, routing key process",
        "a***@shop.example",
        &order_id.to_string(),
    ] {
        assert!(shown.out.contains(part), "{part} in {}", shown.out);
    }
    assert!(!shown.out.contains("ada@"), "{}", shown.out);
    let revealed = json(&run(&scene, &["show", &id, "--reveal", "--json"]).await);
    assert_eq!(revealed["payload"]["email"], "ada@shop.example");

    let replayed = run(&scene, &["replay", &id, "--no-watch"]).await;
    assert!(replayed.code == 0 && replayed.out.ends_with("completed: 1 applied of 1\n"), "{}", replayed.out);
    let again = json(&run(&scene, &["replay", &id, "--no-watch", "--json"]).await);
    assert_eq!((&again["replay"]["skipped"], &again["first"][0]["state"]), (&Value::from(1), &Value::from("skipped")));
    scene.broker.wait_for_depth("order_processing", 1).await;
    let listed = run(&scene, &["replays", "list"]).await;
    assert!(listed.out.lines().count() == 3 && listed.out.contains("completed"), "{}", listed.out);
}

#[tokio::test]
async fn a_replay_of_many_says_what_would_happen_and_asks_first() {
    let (scene, _) = scene().await;
    let mails = ["replay", "--all", "--queue", "email_notifications"];
    let dry = run(&scene, &[&mails[..], &["--dry-run"]].concat()).await;
    assert!(dry.code == 0 && dry.out.contains("2 to replay"), "{}", dry.out);
    assert!(dry.out.contains("would fail again: the body is no notification"), "{}", dry.out);
    let asked = run(&scene, &mails).await;
    assert!(asked.code == 2 && asked.out.contains("--yes"), "{}", asked.out);
    assert_eq!(scene.broker.depth("email_notifications").await, 0);
    let replayed = run(&scene, &[&mails[..], &["--yes", "--json", "--no-watch"]].concat()).await;
    assert_eq!((replayed.code, &json(&replayed)["replay"]["applied"]), (0, &Value::from(2)));
    scene.broker.wait_for_depth("email_notifications", 2).await;
    let resolved = scene.list().await.iter().filter(|letter| letter.state == State::Resolved).count();
    assert_eq!(resolved, 2);
}

#[tokio::test]
async fn groups_are_listed_owned_and_annotated_and_the_audit_log_says_who_did_it() {
    let (scene, _) = scene().await;
    let groups = json(&run(&scene, &["groups", "--json"]).await);
    let groups = groups["groups"].as_array().expect("groups").clone();
    assert_eq!(groups.len(), 2, "{groups:?}");
    let mails = groups.iter().find(|group| group["queue"] == "email_notifications").expect("the mails");
    assert_eq!(
        (&mails["unresolved"], &mails["error"]),
        (&Value::from(2), &Value::from("the shop of <email> is closed"))
    );
    let id = mails["id"].as_str().expect("an id");
    let change =
        ["group", id, "--owner", "team-mail", "--note", "the shop is back on Monday", "--state", "acknowledged"];
    let changed = run(&scene, &[&change[..], &["--operator", "anna"]].concat()).await;
    assert!(changed.code == 0 && changed.out.contains("team-mail"), "{}", changed.out);
    let of_owner = run(&scene, &["groups", "--owner", "team-mail"]).await;
    assert_eq!(of_owner.out.lines().count(), 2, "{}", of_owner.out);
    let only = run(&scene, &["list", "--group", id]).await;
    assert_eq!(only.out.lines().count(), 3, "{}", only.out);
    let who: String = sqlx::query_scalar("select actor || ' ' || action from audit_log order by position desc limit 1")
        .fetch_one(&scene.database.pool)
        .await
        .expect("an entry");
    assert_eq!(who, "operator:anna dead_letter_group.change");
}

#[tokio::test]
async fn a_discard_needs_a_reason_and_wrong_usage_is_exit_code_2() {
    let (scene, _) = scene().await;
    let id = scene.list().await[0].id.to_string();
    for wrong in [
        &["discard", &id][..],
        &["discard", &id, "--reason", ""],
        &["replay"],
        &["replay", &id, "--all"],
        &["replay", &id, "--queue", "analytics"],
        &["list", "--state", "dead"],
        &["--prefetch", "1", "list"],
    ] {
        assert_eq!(run(&scene, wrong).await.code, 2, "{wrong:?}");
    }
    let discarded = run(&scene, &["discard", &id, "--reason", "a test"]).await;
    assert_eq!((discarded.code, discarded.out), (0, format!("{id}  discarded\n")));
    let unknown = run(&scene, &["discard", &id, &Uuid::new_v4().to_string(), "--reason", "a test"]).await;
    assert_eq!((unknown.code, unknown.out.lines().count()), (1, 2), "{}", unknown.out);
}
