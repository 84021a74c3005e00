//! The webhook-service is killed under load, again and again: everything arrives at least once.

use std::collections::BTreeSet;

use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use super::{Scene, ids};
use crate::crash_points::programs::Running;
use crate::support::{Options, Role, Stage, eventually};

const EVENTS: usize = 600;
const DEATHS: usize = 4;

fn service(stage: &Stage, folder: &TempDir) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhook-service"));
    command
        .env("AMQP_URL", &stage.host.url)
        .env("DATABASE_URL", stage.database.url(None))
        .env("DATABASE_CONNECTIONS", "4")
        .env("METRICS_ADDR", "127.0.0.1:0")
        .env("LOG_FORMAT", "text")
        // small, so that a death finds much that is not done
        .env("PREFETCH", "32")
        .env("WEBHOOK_KEY", "dGhlIGtleSBvZiB0aGUgdGVzdHMsIG5vYm9keSBlbHM=")
        .env("WEBHOOK_ALLOW_HTTP", "true")
        .env("WEBHOOK_ALLOW_PRIVATE", "true");
    Running::start(command, &folder.path().join("log"))
}

#[tokio::test]
async fn a_service_that_is_killed_under_load_loses_nothing() {
    let mut stage = Stage::set(Options::default()).await;
    stage.start(&[Role::Analytics]).await;
    let scene = Scene { stage, partner: order_fleet::stand_ins::PartnerServer::start().await };
    let folder = TempDir::new().expect("a folder");
    let endpoints = [scene.endpoint("one", json!(["*"])).await, scene.endpoint("other", json!(["order.*"])).await];
    let mut running = service(&scene.stage, &folder);
    let mut events = BTreeSet::new();
    for death in 0..DEATHS {
        events.extend(scene.events(EVENTS / DEATHS).await);
        let before = scene.partner.calls("one").len();
        eventually(&format!("it delivers before its death {death}"), async || {
            assert!(!running.has_ended(), "{}", running.last_words());
            (scene.partner.calls("one").len() > before + 10).then_some(())
        })
        .await;
        running.kill().await;
        running = service(&scene.stage, &folder);
    }
    for endpoint in &endpoints {
        scene.takes(endpoint, &events).await;
        scene.verified(endpoint, &endpoint.secret);
    }
    let open = "select count(*) from webhook_deliveries where state <> 'delivered'";
    eventually("every delivery is known to be done", async || {
        (scene.stage.database.number(open).await == 0).then_some(())
    })
    .await;
    running.stop().await;
    let calls: usize = ["one", "other"].map(|name| scene.partner.calls(name).len()).iter().sum();
    let twice = calls - 2 * events.len();
    assert!(twice <= 2 * DEATHS * 32, "no more than what was in hand is sent twice: {twice}");
    assert_eq!(ids(&scene.partner.calls("one")).len(), events.len());
    eprintln!("{calls} calls for {} deliveries through {DEATHS} deaths", 2 * events.len());
    scene.finish().await;
}
