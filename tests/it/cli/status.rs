//! `orders status` and `orders outbox`, against an API that says what the test wants.

use std::process::Stdio;
use std::time::Duration;

use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use super::runner::run;

const WORST: &str = include_str!("status.json");

/// Serves one status for ever; its address.
async fn serving(status: Value) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let retried = async || Json(json!({"retried": 1, "not_parked": [12]}));
    let router = Router::new()
        .route("/api/v1/status", get(async move || Json(status)))
        .route("/api/v1/outbox/retries", post(retried));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn worst() -> Value {
    serde_json::from_str(WORST).expect("JSON")
}

#[tokio::test]
async fn the_first_line_says_what_is_wrong_and_the_tables_show_it() {
    let page = run(&serving(worst()).await, &["status"], "").await;
    assert_eq!((page.code, page.stderr.as_str()), (1, ""));
    insta::assert_snapshot!(page.stdout);
}

#[tokio::test]
async fn json_passes_on_what_the_api_said_and_the_exit_code_tells() {
    let mut status = worst();
    status["from_a_newer_version"] = json!(true);
    let wrong = run(&serving(status.clone()).await, &["status", "--json"], "").await;
    assert_eq!((wrong.code, wrong.json()), (1, status.clone()));
    status["healthy"] = json!(true);
    status["problems"] = json!([]);
    let healthy = run(&serving(status).await, &["status"], "").await;
    assert_eq!(healthy.code, 0, "{healthy:?}");
    assert!(healthy.stdout.starts_with("healthy  2026-01-31 12:00:00 UTC"), "{healthy:?}");
}

#[tokio::test]
async fn watching_writes_block_after_block_where_there_is_no_terminal() {
    let address = serving(worst()).await;
    let mut watching = Command::new(env!("CARGO_BIN_EXE_orders"))
        .args(["status", "--watch", "--every", "50ms", "--api-url", &address])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(watching.stdout.take().expect("piped")).lines();
    let three_blocks = timeout(Duration::from_secs(30), async {
        let mut blocks = 0;
        while blocks < 3 {
            let line = lines.next_line().await.expect("text").expect("it goes on");
            assert!(!line.contains('\u{1b}'), "{line:?}");
            blocks += usize::from(line.starts_with("4 problems: "));
        }
    });
    three_blocks.await.expect("three blocks");
    watching.kill().await.expect("killed");
}

#[tokio::test]
async fn a_retry_says_which_messages_were_not_parked() {
    let address = serving(worst()).await;
    let retry = run(&address, &["outbox", "retry", "11", "12"], "").await;
    assert_eq!(retry.code, 1);
    assert_eq!(
        retry.stdout,
        "another turn for 1 message; `orders outbox list` shows what comes back\n12  not parked\n"
    );
    for wrong in [&["outbox", "retry"][..], &["outbox", "retry", "11", "--all"], &["outbox", "retry", "x"]] {
        assert_eq!(run(&address, wrong, "").await.code, 2, "{wrong:?}");
    }
}
