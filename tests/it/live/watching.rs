//! `orders watch` on the real API: it follows the stream, over a restart, and shows every state on the way.

use crate::support::{ApiProcess, Options, Role, Stage, order_of, paid_with};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

fn watch(api: &ApiProcess, orders: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orders"));
    command.args(["watch", "--json", "--timeout", "60s"]).args(orders);
    command.env("ORDERS_API_URL", &api.address).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

#[tokio::test]
async fn watching_shows_every_step_and_outlasts_a_killed_api() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 100).await;
    let mut api = ApiProcess::start(&stage).await;
    let good = stage.submit(&order_of("WIDGET-01", 1)).await;
    let bad = stage.submit(&paid_with("tok_declined")).await;
    let mut watching = watch(&api, &[&good, &bad]).spawn().expect("the program starts");
    let mut lines = BufReader::new(watching.stdout.take().expect("piped")).lines();
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(lines.next_line().await.expect("output").expect("a line"));
    }
    api.kill_and_start_again().await;
    stage.start(&Role::WORKERS).await;
    while let Some(line) = lines.next_line().await.expect("output") {
        seen.push(line);
    }
    assert_eq!(watching.wait().await.expect("it ends").code(), Some(1), "one has failed");
    let of = |order: &str| -> Vec<String> {
        let lines = seen.iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let lines = lines.filter(|line| line["id"] == order);
        lines
            .map(|line| {
                format!("{} {}", line["status"], line["step"].as_str().or(line["reason"].as_str()).unwrap_or("-"))
            })
            .collect()
    };
    assert_eq!(
        of(&good),
        ["\"pending\" -", "\"processing\" reserving_stock", "\"processing\" taking_payment", "\"confirmed\" -"]
    );
    assert_eq!(
        of(&bad)[2..],
        ["\"processing\" taking_payment", "\"processing\" releasing_stock", "\"failed\" payment_declined"]
    );
    assert!(!api.log().contains("/track/"), "no link is in the log");
    api.stop().await;
    stage.finish().await;
}

#[tokio::test]
async fn a_customer_is_watched_over_a_killed_api_and_from_where_somebody_stopped() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 100).await;
    let mut api = ApiProcess::start(&stage).await;
    let before = stage.submit(&order_of("WIDGET-01", 1)).await;
    let mut watching = watch(&api, &["--customer", "c-1", "--after", "0"]).spawn().expect("it starts");
    let mut lines = BufReader::new(watching.stdout.take().expect("piped")).lines();
    let mut told = Vec::new();
    let line = lines.next_line().await.expect("output").expect("a line");
    told.push(serde_json::from_str::<Value>(&line).expect("JSON"));
    assert_eq!((&told[0]["event"], &told[0]["order_id"]), (&"accepted".into(), &before.as_str().into()));
    api.kill().await;
    stage.start(&Role::WORKERS).await;
    stage.reaches(&before, "confirmed").await;
    let after = stage.submit(&order_of("WIDGET-01", 1)).await;
    stage.reaches(&after, "confirmed").await;
    api.start_again().await;
    while told.len() < 8 {
        let line = lines.next_line().await.expect("output").expect("a line");
        told.push(serde_json::from_str(&line).expect("JSON"));
    }
    let ids: Vec<i64> = told.iter().map(|line| line["id"].as_i64().expect("an id")).collect();
    let expected: Vec<i64> = sqlx::query_scalar("select id from order_history order by id")
        .fetch_all(&stage.database.pool)
        .await
        .expect("the history");
    assert_eq!(ids, expected, "every change once, in its order");
    assert!(told.iter().all(|line| line["actor"].is_string()), "{told:?}");
    watching.kill().await.expect("it runs");

    // somebody else goes on in the middle
    let mut again = watch(&api, &["--customer", "c-1", "--after", &ids[5].to_string()]).spawn().expect("it starts");
    let mut lines = BufReader::new(again.stdout.take().expect("piped")).lines();
    for id in &ids[6..] {
        let line = lines.next_line().await.expect("output").expect("a line");
        assert_eq!(serde_json::from_str::<Value>(&line).expect("JSON")["id"], *id);
    }
    again.kill().await.expect("it runs");
    api.stop().await;
    stage.finish().await;
}
