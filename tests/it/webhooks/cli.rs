//! `orders webhooks`, against the real API, a real broker and a real partner.

use order_fleet::stand_ins::Misbehaviour;
use serde_json::json;

use super::{Endpoint, Scene};
use crate::cli::runner::{Run, run};

async fn webhooks(scene: &Scene, arguments: &[&str]) -> Run {
    run(&scene.stage.api.address, &[&["webhooks"], arguments].concat(), "").await
}

async fn well(scene: &Scene, arguments: &[&str]) -> Run {
    let run = webhooks(scene, arguments).await;
    assert_eq!(run.code, 0, "{run:?}");
    run
}

#[tokio::test]
async fn an_operator_registers_tests_follows_and_repairs_an_endpoint() {
    let scene = Scene::set().await;
    let url = scene.partner.url("shop");
    let made = well(&scene, &["create", "--url", &url, "--event", "order.*", "--description", "mirror", "--json"])
        .await
        .json();
    let id = made["id"].as_str().expect("an id").to_owned();
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    let endpoint = Endpoint { id: id.clone(), name: "shop", secret };
    let listed = well(&scene, &["list"]).await;
    assert!(listed.stdout.contains(&id) && listed.stdout.contains("enabled"), "{listed:?}");
    assert!(!listed.stdout.contains("whsec_"));

    let pinged = well(&scene, &["ping", &id]).await;
    assert!(pinged.stdout.starts_with("delivered, 204"), "{pinged:?}");
    let ping = scene.partner.taken("shop").remove(0).json();
    assert_eq!((&ping["type"], &ping["data"]["endpoint_id"]), (&json!("webhook.ping"), &json!(id)));
    scene.partner.misbehave("shop", Misbehaviour::status(500, "out of paper"));
    let pinged = webhooks(&scene, &["ping", &id]).await;
    assert_eq!((pinged.code, pinged.stdout.starts_with("the endpoint answered 500")), (1, true), "{pinged:?}");

    well(&scene, &["pause", &id]).await;
    scene.believed().await;
    scene.partner.behave("shop");
    let events = scene.events(2).await;
    let mut scene = scene;
    scene.stage.settle().await;
    let refused = webhooks(&scene, &["resend", &id, "--since", "2026-01-01T00:00:00Z"]).await;
    assert_eq!((refused.code, refused.stderr.contains("the endpoint is paused")), (1, true), "{refused:?}");
    well(&scene, &["enable", &id]).await;
    let resent = well(&scene, &["resend", &id, "--since", "2026-01-01T00:00:00Z"]).await;
    assert_eq!(resent.stdout, "2 events sent again; 0 events skipped, taken before\n");
    let delivered = scene.stand(&endpoint, 3, "delivered").await;
    let log = well(&scene, &["deliveries", &id, "--state", "delivered", "--event", "order.confirmed"]).await;
    assert_eq!(log.stdout.matches("order.confirmed").count(), events.len(), "{log:?}");
    let one = delivered[0]["id"].as_str().expect("an id");
    let shown = well(&scene, &["deliveries", &id, one]).await;
    assert!(shown.stdout.contains("delivered, 204"), "{shown:?}");
    well(&scene, &["resend", &id, one]).await;

    let rotated = well(&scene, &["rotate", &id, "--overlap-seconds", "60"]).await;
    assert!(rotated.stdout.contains("whsec_") && rotated.stderr.contains("the old one signs, too"), "{rotated:?}");
    let updated = well(&scene, &["update", &id, "--event", "*", "--customer", "c-9", "--json"]).await.json();
    assert_eq!((&updated["event_types"], &updated["customer_id"]), (&json!(["*"]), &json!("c-9")));
    let updated = well(&scene, &["update", &id, "--any-customer", "--json"]).await.json();
    assert!(updated["customer_id"].is_null());
    let shown = well(&scene, &["show", &id]).await;
    assert!(shown.stdout.contains("mirror") && shown.stdout.contains("old secret"), "{shown:?}");
    well(&scene, &["delete", &id]).await;
    let gone = webhooks(&scene, &["show", &id]).await;
    assert_eq!((gone.code, gone.stderr.contains("no endpoint has this id")), (1, true), "{gone:?}");
    scene.stage.settle().await;
    scene.finish().await;
}

#[tokio::test]
async fn wrong_flags_exit_with_2_and_send_nothing() {
    let id = "0199c1d2-7a40-7c1e-9d43-0c2f5a1be001";
    for arguments in [
        vec!["create", "--url", "https://partner.example/"],
        vec!["create", "--event", "*"],
        vec!["create", "--url", "https://partner.example/", "--event", "ORDER"],
        vec!["update", id],
        vec!["update", id, "--customer", "c", "--any-customer"],
        vec!["show", "nobody"],
        vec!["rotate", id, "--overlap-seconds", "-1"],
        vec!["deliveries", id, "--state", "lost"],
        vec!["deliveries", id, id, "--state", "failed"],
        vec!["resend", id],
        vec!["resend", id, "--since", "yesterday"],
        vec!["resend", id, id, "--since", "2026-01-01T00:00:00Z"],
    ] {
        let run = run("http://127.0.0.1:1", &[&["webhooks"], &arguments[..]].concat(), "").await;
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}: {run:?}");
    }
    let away = run("http://127.0.0.1:1", &["webhooks", "list"], "").await;
    assert_eq!(away.code, 3, "{away:?}");
}
