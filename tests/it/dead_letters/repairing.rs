//! What a dead letter says can be mended, given up and taken back, and emptied of personal data; the audit log knows of all of it.

use order_fleet::store::dead_letters::State;

use super::operating::{json, run};
use super::*;

/// An order for a product that is not sold, which its consumer cannot accept.
async fn refused(scene: &Scene, count: usize) -> Vec<Uuid> {
    for _ in 0..count {
        let order = serde_json::json!({"id": Uuid::new_v4(), "customer_id": "cust-7", "email": "no address", "total": 10,
            "items": [{"sku": "GADGET-02", "quantity": 1, "price": 10}]});
        let properties = given_up(&Uuid::new_v4().to_string(), "order_processing", "orders", "process");
        scene.broker.publish("dlx", "failed", properties, order.to_string().as_bytes()).await;
    }
    scene.stored(count).await.iter().map(|letter| letter.id).collect()
}

async fn deeds(scene: &Scene) -> Vec<String> {
    sqlx::query_scalar("select action from audit_log order by position")
        .fetch_all(&scene.database.pool)
        .await
        .expect("the log")
}

#[tokio::test]
async fn letters_are_mended_by_values_with_a_preview_and_what_cannot_be_read_is_not_stored() {
    let scene = Scene::open().await;
    let ids = refused(&scene, 3).await;
    let all = ["edit", "--all", "--sku", "GADGET-02", "--why", "wrong in the shop's export"];
    let unreadable = run(&scene, &[&all[..], &["--set", "items.0.quantity=-1", "--yes"]].concat()).await;
    assert!(unreadable.code == 1 && unreadable.out.contains("could still not read it"), "{}", unreadable.out);
    let mends = ["--set", "/email=ada@shop.example", "--set", "items.0.sku=GADGET-01"];
    let dry = run(&scene, &[&all[..], &mends, &["--dry-run"]].concat()).await;
    assert!(dry.out.contains("replace  /items/0/sku = \"GADGET-01\""), "{}", dry.out);
    assert!(dry.out.contains("3 to change") && !dry.out.contains("ada@"), "{}", dry.out);
    assert!(deeds(&scene).await.is_empty());
    let edited = json(&run(&scene, &[&all[..], &mends, &["--yes", "--json"]].concat()).await);
    assert_eq!((&edited["edited"], &edited["refused"]), (&Value::from(3), &serde_json::json!([])));
    assert_eq!(deeds(&scene).await, ["dead_letter.edit"; 3]);
    let letter = scene.letter(ids[0]).await;
    let body: Value = serde_json::from_slice(&letter.payload).expect("JSON");
    assert_eq!(
        (&body["email"], &body["items"][0]["sku"]),
        (&Value::from("ada@shop.example"), &Value::from("GADGET-01"))
    );
    let shown = run(&scene, &["show", &ids[0].to_string()]).await;
    assert!(shown.out.contains("wrong in the shop's export"), "{}", shown.out);
    let originals = scene.database.number(
        "select count(*) from dead_letter_edits where position('no address' in convert_from(before, 'UTF8')) > 0",
    );
    assert_eq!(originals.await, 3, "what it was is kept");
}

#[tokio::test]
async fn a_letter_is_mended_in_the_editor() {
    let scene = Scene::open().await;
    let id = refused(&scene, 1).await[0];
    let folder = tempfile::tempdir().expect("a folder");
    let editor = folder.path().join("editor");
    std::fs::write(&editor, "#!/bin/sh\nsed -i 's/no address/ada@shop.example/' \"$1\"\n").expect("written");
    let mut permissions = std::fs::metadata(&editor).expect("is there").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(&editor, permissions).expect("executable");
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_dead-letter-handler"))
        .args(["edit", &id.to_string(), "--why", "the customer called", "--yes"])
        .env("DATABASE_URL", scene.database.url(None))
        .env("EDITOR", &editor)
        .output()
        .await
        .expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let body: Value = serde_json::from_slice(&scene.letter(id).await.payload).expect("JSON");
    assert_eq!(body["email"], "ada@shop.example");
}

#[tokio::test]
async fn a_discard_can_be_taken_back_and_a_look_at_personal_data_is_written_down() {
    let scene = Scene::open().await;
    let id = refused(&scene, 1).await[0].to_string();
    assert_eq!(run(&scene, &["discard", &id, "--why", "a test order"]).await.code, 0);
    let restored = run(&scene, &["restore", &id, "--why", "it was none"]).await;
    assert_eq!((restored.code, restored.out), (0, format!("{id}  restored\n")));
    assert_eq!(scene.list().await[0].state, State::Unresolved);
    assert_eq!(run(&scene, &["restore", &id, "--why", "again"]).await.code, 1);
    assert_eq!(run(&scene, &["show", &id, "--reveal"]).await.code, 0);
    assert_eq!(deeds(&scene).await, ["dead_letter.discard", "dead_letter.restore", "dead_letter.reveal"]);
}

#[tokio::test]
async fn erasing_a_customer_leaves_the_evidence_and_nothing_of_the_person() {
    let scene = Scene::open().await;
    let ids = refused(&scene, 2).await;
    let erased = run(&scene, &["erase", "--customer", "cust-7", "--why", "asked by letter"]).await;
    assert!(erased.code == 0 && erased.out.starts_with("2 dead letters"), "{}", erased.out);
    let letter = scene.letter(ids[0]).await;
    assert_eq!((letter.summary.state, letter.summary.queue.as_str()), (State::Discarded, "order_processing"));
    let body: Value = serde_json::from_slice(&letter.payload).expect("JSON");
    assert_eq!(body["items"][0]["sku"], "GADGET-02");
    for table in ["dead_letters", "dead_letter_deaths", "dead_letter_edits", "audit_log"] {
        for person in ["cust-7", "ada@shop.example", "no address"] {
            // a payload is shown in hex
            let rows = format!(
                "select count(*) from {table} t where t::text like '%{person}%'
                 or t::text like '%' || encode(convert_to('{person}', 'UTF8'), 'hex') || '%'"
            );
            let found = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(rows))
                .fetch_one(&scene.database.pool)
                .await
                .expect("counted");
            assert_eq!(found, 0, "{person} in {table}");
        }
    }
    assert_eq!(run(&scene, &["restore", &ids[0].to_string(), "--why", "back"]).await.code, 1, "it cannot come back");
}
