//! One alert per new group, again on growth by powers of ten and on return, quiet on what is known; to the group's owner.

use std::collections::BTreeMap;

use clap::Parser;
use order_fleet::config::outbound::AlertArgs;
use order_fleet::services::alert_sender::AlertSender;
use order_fleet::stand_ins::PartnerServer;
use tokio_util::sync::CancellationToken;

use super::operating::run;
use super::*;
use crate::support::{Options, Role, Stage};

#[derive(Parser)]
struct Alerts {
    #[command(flatten)]
    args: AlertArgs,
}

/// Letters of one cause.
async fn die(stage: &Stage, error: &str, count: usize) {
    for _ in 0..count {
        let id = Uuid::new_v4().to_string();
        let properties =
            message(&id, &[("fleet-reason", "refused"), ("fleet-error", error), ("fleet-origin-queue", "analytics")]);
        stage.client.publish("dlx", "failed", properties, b"{}").await;
    }
}

async fn raised(stage: &Stage) -> BTreeMap<String, i64> {
    let rows: Vec<(String, i64)> = sqlx::query_as("select kind, count(*) from alerts group by kind")
        .fetch_all(&stage.database.pool)
        .await
        .expect("alerts");
    rows.into_iter().collect()
}

async fn comes_to(stage: &Stage, expected: &[(&str, i64)]) {
    let expected: BTreeMap<String, i64> = expected.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
    eventually(&format!("{expected:?}"), async || (raised(stage).await == expected).then_some(())).await;
}

#[tokio::test]
async fn the_operator_is_told_once_of_each_cause_of_its_growth_and_of_its_return() {
    let mut stage = Stage::set(Options::default()).await;
    let chat = PartnerServer::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let targets = format!("{},ops@shop.example", chat.url("default"));
    let routes = format!("mail-team={}", chat.url("mail-team"));
    let mails = folder.path().display().to_string();
    let Alerts { args } =
        Alerts::parse_from(["test", "--alert-targets", &targets, "--alert-routes", &routes, "--mail-folder", &mails]);
    let stop = CancellationToken::new();
    let sender = AlertSender { db: stage.database.pool.clone(), routes: args.routes().expect("routes") };
    let sending = tokio::spawn(sender.run(stop.clone()));
    stage.start(&[Role::DeadLetters, Role::Scheduler]).await;

    die(&stage, "the shop is closed, say 17", 3).await;
    die(&stage, "the van is late, say 18", 1).await;
    comes_to(&stage, &[("new_group", 2)]).await;
    die(&stage, "the shop is closed, say 19", 4).await;
    die(&stage, "the shop is closed, say 20", 5).await;
    comes_to(&stage, &[("new_group", 2), ("group_grown", 1)]).await;
    eventually("all are sent, by webhook and by mail", async || {
        let mails = std::fs::read_dir(folder.path()).expect("the folder").count();
        (chat.calls("default").len() == 3 && mails == 3).then_some(())
    })
    .await;
    let said = String::from_utf8_lossy(&chat.calls("default")[0].body).into_owned();
    assert!(said.contains("a new kind of failure in analytics") && said.contains("--dry-run"), "{said}");

    let group: Uuid = sqlx::query_scalar("select id from dead_letter_groups where error like 'the shop%'")
        .fetch_one(&stage.database.pool)
        .await
        .expect("the group");
    let id = group.to_string();
    assert_eq!(run(&stage, &["group", &id, "--owner", "mail-team", "--state", "resolved"]).await.code, 0);
    die(&stage, "the shop is closed, say 21", 1).await;
    comes_to(&stage, &[("new_group", 2), ("group_grown", 1), ("group_returned", 1)]).await;
    eventually("its owner is told", async || (chat.calls("mail-team").len() == 1).then_some(())).await;
    assert_eq!(chat.calls("default").len(), 3, "and nobody else");
    stop.cancel();
    sending.await.expect("it ends");
    let ids = stage.database.number("select count(*) from alerts where sent_at is null");
    assert_eq!(ids.await, 0);
    stage.finish().await;
}
