//! Single orders, lists, products and figures, as people and programs see them.

use super::fake_api::FakeApi;
use super::runner::{orders, orders_reading, run};

const FLAGS: [&str; 7] = ["submit", "--customer", "c-1", "--email", "ada@shop.example", "--item", "GADGET-01:2"];

async fn submitted(api: &FakeApi) -> String {
    let run = orders(api, &[&FLAGS[..], &["--json"]].concat()).await;
    assert_eq!(run.code, 0, "{run:?}");
    run.json()["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn an_order_of_flags_is_accepted_and_json_passes_on_what_the_api_said() {
    let api = FakeApi::start().await;
    let run = orders(&api, &[&FLAGS[..], &["--json"]].concat()).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(run.json(), api.orders()[0]);
    assert_eq!(run.json()["from_a_newer_version"], true);
}

#[tokio::test]
async fn an_order_from_stdin_may_carry_a_key_and_is_then_taken_once() {
    let api = FakeApi::start().await;
    let order = r#"{"customer_id":"c","email":"c@shop.example","items":[{"sku":"GADGET-01","quantity":2}]}"#;
    for said in ["accepted  ", "accepted before, with the same key  "] {
        let run = orders_reading(&api, order, &["submit", "-", "--idempotency-key", "k1"]).await;
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.starts_with(said), "{run:?}");
    }
    let other = orders_reading(&api, &order.replace('2', "3"), &["submit", "-", "--idempotency-key", "k1"]).await;
    assert_eq!(other.code, 1);
    assert!(other.stderr.contains("use another --idempotency-key"), "{other:?}");
    assert_eq!(api.orders().len(), 1);
}

#[tokio::test]
async fn a_refused_order_names_every_field_and_exits_with_1() {
    let api = FakeApi::start().await;
    let flags = ["submit", "--customer", "c", "--email", "nobody", "--item", "NONE:1"];
    let run = orders(&api, &flags).await;
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    insta::assert_snapshot!(run.stderr, @"
    orders: 2 fields are at fault
      /email: must be an e-mail address of the form name@host, at most 254 characters
      /items/0/sku: no product has the sku NONE
    ");
    let json = orders(&api, &[&flags[..], &["--json"]].concat()).await;
    let error: serde_json::Value = serde_json::from_str(&json.stderr).expect("one JSON line");
    assert_eq!((error["exit_code"].as_u64(), error["problem"]["status"].as_u64()), (Some(1), Some(422)));
    assert_eq!(error["problem"]["errors"][1]["pointer"], "/items/0/sku");
}

#[tokio::test]
async fn wrong_flags_and_wrong_files_exit_with_2_and_send_nothing() {
    let api = FakeApi::start().await;
    for arguments in [
        vec!["submit"],
        vec!["submit", "--customer", "c", "--email", "e@h"],
        vec!["submit", "--customer", "c", "--email", "e@h", "--item", "GADGET-01"],
        vec!["submit", "order.json", "--customer", "c"],
        vec!["submit", "/nowhere/order.json"],
        vec!["submit", "--jsonl", "-", "--watch"],
        vec!["submit", "-"],
        vec!["submit", "--amqp", "--customer", "c", "--email", "e@h", "--item", "A:1"],
        vec!["get", "17"],
        vec!["watch"],
        vec!["list", "--status", "done"],
        vec!["list", "--limit", "201"],
        vec!["products", "adjust", "A", "0", "--reason", "r"],
        vec!["products", "create", "A", "--name", "n", "--price", "1.999"],
        vec!["stats", "--timeout", "0"],
        vec!["stats", "--api-url", "ftp://host"],
        vec!["dance"],
    ] {
        let run = orders_reading(&api, "[1]", &arguments).await;
        assert_eq!(run.code, 2, "{arguments:?}: {run:?}");
        assert!(!run.stderr.is_empty() && run.stdout.is_empty(), "{arguments:?}: {run:?}");
    }
    assert!(api.requests().is_empty(), "{:?}", api.requests());
}

#[tokio::test]
async fn an_api_that_cannot_be_reached_exits_with_3_and_says_what_to_do() {
    let run = run("http://user:secret@127.0.0.1:1", &["list"], "").await;
    assert_eq!(run.code, 3);
    insta::assert_snapshot!(run.stderr, @"orders: the API at http://127.0.0.1:1 cannot be reached (Connection refused (os error 111)): start order-api or correct --api-url (ORDERS_API_URL)");
}

#[tokio::test]
async fn the_flag_wins_over_the_variable() {
    let api = FakeApi::start().await;
    let address = format!("http://{}", api.address);
    let flag = run("http://127.0.0.1:1", &["stats", "--api-url", &address], "").await;
    assert_eq!(flag.code, 0, "{flag:?}");
}

#[tokio::test]
async fn an_address_of_something_else_exits_with_3() {
    let api = FakeApi::start().await;
    let run = run(&format!("http://{}/elsewhere", api.address), &["list"], "").await;
    assert_eq!(run.code, 3);
    assert!(run.stderr.contains("not as order-api does (404 Not Found"), "{run:?}");
}

#[tokio::test]
async fn an_api_that_never_answers_is_given_up_after_the_timeout() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let run =
        run(&format!("http://{}", silent.local_addr().expect("bound")), &["stats", "--timeout", "200ms"], "").await;
    assert_eq!(run.code, 3);
    assert!(run.stderr.contains("no answer within 0.2 s"), "{run:?}");
}

#[tokio::test]
async fn watch_ends_when_every_order_is_final() {
    let api = FakeApi::start().await;
    let (first, second) = (submitted(&api).await, submitted(&api).await);
    let run = orders(&api, &["watch", &first, &second, &first, "--json"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    for id in [first, second] {
        let seen: Vec<_> = run.json_lines().into_iter().filter(|line| line["id"] == id.as_str()).collect();
        let statuses: Vec<_> = seen.iter().map(|line| (line["status"].as_str(), line["final"].as_bool())).collect();
        assert_eq!(
            statuses,
            [(Some("pending"), Some(false)), (Some("processing"), Some(false)), (Some("confirmed"), Some(true))]
        );
        assert_eq!(seen[1]["step"], "awaiting_payment");
    }
}

#[tokio::test]
async fn watching_outlasts_an_overloaded_api() {
    let api = FakeApi::start().await;
    let id = submitted(&api).await;
    api.overload(2, 0);
    let run = orders(&api, &["watch", &id]).await;
    assert_eq!(run.code, 0, "{run:?}");
}

#[tokio::test]
async fn watching_a_declined_order_exits_with_1_and_shows_the_reason() {
    let api = FakeApi::start().await;
    let run = orders(&api, &[&FLAGS[..], &["--token", "declined", "--watch"]].concat()).await;
    assert_eq!(run.code, 1, "{run:?}");
    let last = run.stdout.lines().last().expect("a line");
    assert!(last.contains("failed") && last.ends_with("payment_declined"), "{run:?}");
}

#[tokio::test]
async fn watch_gives_up_when_the_time_is_up_and_at_once_for_an_unknown_order() {
    let api = FakeApi::start().await;
    orders(&api, &["submit", "--customer", "c", "--email", "e@h", "--item", "SLOW:1"]).await;
    let id = api.orders()[0]["id"].as_str().expect("an id").to_owned();
    let run = orders(&api, &["watch", &id, "--timeout", "1s"]).await;
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("1 of 1 order not final after 1 s"), "{run:?}");
    let unknown = orders(&api, &["watch", "0199c1d2-7a40-7c1e-9d43-0c2f5a1be001"]).await;
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("there is no order"), "{unknown:?}");
}

#[tokio::test]
async fn get_shows_a_page_with_the_timeline() {
    let api = FakeApi::start().await;
    let id = submitted(&api).await;
    orders(&api, &["get", &id]).await;
    let run = orders(&api, &["get", &id, "--timeline"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    insta::assert_snapshot!(run.stdout.replace(&id, "ID"));
    let json = orders(&api, &["get", &id, "--json"]).await.json();
    assert_eq!(json["timeline"][0]["event"], "order.submitted");
}

#[tokio::test]
async fn list_follows_the_cursors_and_says_when_there_is_more() {
    let api = FakeApi::start().await;
    for _ in 0..5 {
        submitted(&api).await;
    }
    let page = orders(&api, &["list", "--limit", "2", "--status", "pending"]).await;
    assert_eq!(page.code, 0, "{page:?}");
    assert!(page.stderr.contains("--cursor 2 goes on here"), "{page:?}");
    assert_eq!(api.requests().last().map(String::as_str), Some("GET /api/v1/orders?limit=2&status=pending"));
    let all = orders(&api, &["list", "--all", "--json"]).await.json();
    assert_eq!(all["orders"].as_array().map(Vec::len), Some(5));
    assert_eq!(all["next_cursor"], serde_json::Value::Null);
    assert_eq!(all["orders"][0]["from_a_newer_version"], true);
}

#[tokio::test]
async fn products_are_listed_shown_created_and_adjusted() {
    let api = FakeApi::start().await;
    insta::assert_snapshot!(orders(&api, &["products", "list"]).await.stdout);
    assert_eq!(orders(&api, &["products", "show", "SHELF/7", "--json"]).await.json()["sku"], "SHELF/7");
    let create = ["products", "create", "NEW-1", "--name", "New", "--price", "9.99", "--stock", "7", "--json"];
    assert_eq!(orders(&api, &create).await.json()["on_hand"], 7);
    assert_eq!(orders(&api, &["products", "adjust", "A", "-3", "--reason", "r", "--json"]).await.json()["on_hand"], 97);
    let refused = orders(&api, &["products", "adjust", "A", "-99", "--reason", "r"]).await;
    assert_eq!(refused.code, 1);
    assert_eq!(refused.stderr, "orders: 3 units are reserved, so stock cannot fall below 3\n");
}

#[tokio::test]
async fn stats_show_totals_failures_and_notifications() {
    let api = FakeApi::start().await;
    insta::assert_snapshot!(orders(&api, &["stats"]).await.stdout);
    assert_eq!(orders(&api, &["stats", "--minutes", "5", "--days", "2", "--json"]).await.json()["events_recorded"], 42);
    assert_eq!(api.requests().last().map(String::as_str), Some("GET /api/v1/statistics?minutes=5&days=2"));
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_program_without_a_word() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_orders"))
        .args(["completions", "bash"])
        .stdout(writer)
        .output()
        .expect("the binary ran");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(141), 0));
}
