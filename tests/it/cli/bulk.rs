//! `orders submit --jsonl`: verdicts, summary, running again.

use super::fake_api::FakeApi;
use super::runner::{orders, orders_reading, run};

fn row(customer: &str, sku: &str) -> String {
    format!(
        r#"{{"customer_id":"{customer}","email":"{customer}@shop.example","items":[{{"sku":"{sku}","quantity":2}}]}}"#
    )
}

#[tokio::test]
async fn one_bad_row_among_good_ones_is_refused_alone_with_every_field_at_fault() {
    let api = FakeApi::start().await;
    let bad = r#"{"customer_id":"c","email":"nobody","items":[{"sku":"NONE","quantity":1}]}"#;
    let input = format!("{}\n\n{bad}\n{{oops\n{}\n", row("a", "GADGET-01"), row("b", "GADGET-01"));
    let run = orders_reading(&api, &input, &["submit", "--jsonl", "-", "--json"]).await;
    assert_eq!(run.code, 1, "{run:?}");
    let lines = run.json_lines();
    let verdicts: Vec<_> = lines.iter().take(4).map(|v| (v["line"].as_u64(), v["verdict"].as_str())).collect();
    assert_eq!(
        verdicts,
        [
            (Some(1), Some("accepted")),
            (Some(3), Some("refused")),
            (Some(4), Some("refused")),
            (Some(5), Some("accepted"))
        ]
    );
    // the rows are sent side by side
    assert!(api.orders().iter().any(|order| order["id"] == lines[0]["order_id"]));
    assert_eq!(lines[1]["errors"][0]["pointer"], "/email");
    assert_eq!(lines[1]["errors"][1]["pointer"], "/items/0/sku");
    assert!(lines[2]["detail"].as_str().expect("a detail").contains("not JSON"));
    assert_eq!(
        lines[4]["summary"],
        serde_json::json!({"rows": 4, "accepted": 2, "replayed": 0, "refused": 2, "failed": 0})
    );
}

#[tokio::test]
async fn people_get_a_line_per_row_and_a_summary() {
    let api = FakeApi::start().await;
    let input = format!("{}\n{}\n", row("a", "GADGET-01"), row("b", "NONE"));
    let run = orders_reading(&api, &input, &["submit", "--jsonl", "-"]).await;
    assert_eq!(run.code, 1);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert!(lines[0].starts_with("line 1     accepted  "), "{run:?}");
    assert_eq!(lines[1], "line 2     refused   /items/0/sku: no product has the sku NONE");
    assert_eq!(run.stderr, "2 rows: 1 accepted, 1 refused, 0 failed\n");
}

#[tokio::test]
async fn the_same_file_again_orders_nothing_twice_and_another_batch_does() {
    let api = FakeApi::start().await;
    let path = std::env::temp_dir().join(format!("orders-{}.jsonl", uuid::Uuid::now_v7()));
    let rows: Vec<String> = (0..40).map(|number| row(&format!("c{}", number % 20), "GADGET-01")).collect();
    // As if the first run had been cut short.
    std::fs::write(&path, rows[..25].join("\n")).expect("written");
    let file = path.to_str().expect("UTF-8");
    assert_eq!(orders(&api, &["submit", "--jsonl", file]).await.code, 0);
    std::fs::write(&path, rows.join("\n")).expect("written");
    let again = orders(&api, &["submit", "--jsonl", file]).await;
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(again.stderr, "40 rows: 40 accepted (25 of them in an earlier run), 0 refused, 0 failed\n");
    assert_eq!(api.orders().len(), 40);
    let batch = orders(&api, &["submit", "--jsonl", file, "--batch", "friday"]).await;
    assert_eq!(batch.code, 0, "{batch:?}");
    assert_eq!(api.orders().len(), 80);
    std::fs::remove_file(path).expect("removed");
}

#[tokio::test]
async fn an_overloaded_api_is_asked_again_and_in_the_end_the_row_has_failed() {
    let api = FakeApi::start().await;
    api.overload(2, 0);
    let run = orders_reading(&api, &row("a", "GADGET-01"), &["submit", "--jsonl", "-"]).await;
    assert_eq!((run.code, api.requests().len()), (0, 3), "{run:?}");
    api.overload(2, 0);
    let run = orders_reading(&api, &row("b", "GADGET-01"), &["submit", "--jsonl", "-", "--retries", "1"]).await;
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("failed    too many orders at once"), "{run:?}");
}

#[tokio::test]
async fn the_time_the_api_asks_for_is_waited_but_not_an_hour() {
    let api = FakeApi::start().await;
    api.overload(1, 1);
    let start = std::time::Instant::now();
    let patient = orders_reading(&api, &row("a", "GADGET-01"), &["submit", "--jsonl", "-"]).await;
    assert_eq!(patient.code, 0, "{patient:?}");
    assert!(start.elapsed() >= std::time::Duration::from_secs(1));
    api.overload(1, 3600);
    let run = orders_reading(&api, &row("b", "GADGET-01"), &["submit", "--jsonl", "-"]).await;
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("try again in 3600 s"), "{run:?}");
}

#[tokio::test]
async fn an_api_that_is_gone_stops_the_run_with_3() {
    let rows = [row("a", "GADGET-01"), row("b", "GADGET-01")].join("\n");
    let run = run("http://127.0.0.1:1", &["submit", "--jsonl", "-", "--retries", "0"], &rows).await;
    assert_eq!(run.code, 3);
    assert!(run.stdout.is_empty(), "{run:?}");
    assert!(run.stderr.contains("run it again to go on"), "{run:?}");
}

#[tokio::test]
async fn an_empty_file_is_no_failure_and_a_missing_one_is() {
    let api = FakeApi::start().await;
    assert_eq!(orders(&api, &["submit", "--jsonl", "-"]).await.code, 0);
    let missing = orders(&api, &["submit", "--jsonl", "/nowhere/orders.jsonl"]).await;
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("/nowhere/orders.jsonl cannot be read"), "{missing:?}");
}
