//! What a process takes on, and what becomes of clients that take nothing.

use std::time::Duration;

use order_fleet::tracking::Limits;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::{api, api_with, append, insert_order, lively};
use crate::support::streams::{EventSource, Socket};
use crate::support::{answer, eventually};

#[tokio::test]
async fn who_finds_no_place_is_asked_to_come_back_and_a_place_is_free_when_its_client_has_gone() {
    let (database, api) = api_with(Limits { streams: 3, per_subject: 2, ..lively() }).await;
    let mut db = database.pool.acquire().await.expect("a connection");
    let (one, two) = (insert_order(&mut db, "c-1").await, insert_order(&mut db, "c-1").await);
    let path = |order| format!("/api/v1/orders/{order}/events");
    let url = |order| format!("{}{}", api.address, path(order));
    let first = EventSource::open(&url(one), None).await;
    let _second = Socket::try_open(&url(one)).await.expect("a place");
    let response = api.get(&path(one)).send().await.expect("an answer");
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "2");
    let _third = EventSource::open(&url(two), None).await;
    let (status, problem) = answer(api.get("/api/v1/customers/c-1/events")).await;
    assert_eq!((status, &problem["type"]), (503, &json!("/problems/overloaded")));
    assert_eq!(problem["detail"], "too many streams are open");
    assert_eq!(api.tracking.streams(), 3);
    drop(first);
    eventually("the place is free", async || EventSource::try_open(&url(one), None).await).await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go_and_resumes_where_it_was() {
    let (database, api) = api_with(Limits { patience: Duration::from_secs(1), ..Limits::default() }).await;
    let mut db = database.pool.acquire().await.expect("a connection");
    let order = insert_order(&mut db, "c-1").await;
    // more than the buffers of both systems hold
    sqlx::query(
        "insert into order_history (order_id, event, status, detail)
         select $1, 'submitted', 'processing', repeat('x', 10000) from generate_series(1, 3000)",
    )
    .bind(order)
    .execute(&mut *db)
    .await
    .expect("a long history");

    let address = api.address.trim_start_matches("http://").parse().expect("an address");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    let mut slow = socket.connect(address).await.expect("connects");
    let request = format!(
        "GET /api/v1/customers/c-1/events HTTP/1.1\r\nhost: {address}\r\nlast-event-id: 0\r\nconnection: close\r\n\r\n"
    );
    slow.write_all(request.as_bytes()).await.expect("asked");
    let before = order_fleet::telemetry::metrics().live_streams_stuck.get();
    eventually("the poll lets it go", async || {
        (order_fleet::telemetry::metrics().live_streams_stuck.get() > before).then_some(())
    })
    .await;

    // what had been sent is still there to be taken; then the stream ends
    let mut taken = Vec::new();
    slow.read_to_end(&mut taken).await.expect("an end");
    let text = String::from_utf8_lossy(&taken);
    assert!(text.ends_with("\r\n0\r\n\r\n"), "it ends in good order");
    let ids: Vec<i64> = text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect();
    assert!(ids.len() > 10 && ids.len() < 3_000 && ids.is_sorted(), "{} of 3000 were taken", ids.len());
    eventually("its place is free", async || (api.tracking.streams() == 0).then_some(())).await;

    let last = ids.last().expect("one").to_string();
    let url = format!("{}/api/v1/customers/c-1/events", api.address);
    let (rest, _) = EventSource::open(&url, Some(&last)).await.until_current().await;
    assert_eq!(ids.len() + rest.len(), 3_000);
    assert_eq!(rest[0].id, ids.last().expect("one") + 1);
}

#[tokio::test]
async fn every_stream_ends_after_its_lifetime_and_goes_on_with_its_last_id() {
    let (database, api) = api_with(Limits { lifetime: Duration::from_millis(700), ..lively() }).await;
    let mut db = database.pool.acquire().await.expect("a connection");
    let order = insert_order(&mut db, "c-1").await;
    append(&mut db, order, "accepted", "pending").await;
    let url = format!("{}/api/v1/orders/{order}/events", api.address);
    let mut source = EventSource::open(&url, None).await;
    let mut last = String::new();
    while let Some(event) = source.next().await {
        last = event.id;
    }
    let next = append(&mut db, order, "submitted", "processing").await;
    assert_eq!(EventSource::open(&url, Some(&last)).await.transition().await.expect("told").id, next);
    let mut socket = Socket::try_open(&url).await.expect("a WebSocket");
    let ended = loop {
        if let Err(code) = socket.next().await {
            break code;
        }
    };
    assert_eq!(ended, Some(1001));
}

#[tokio::test]
async fn without_watchers_the_database_is_not_asked() {
    let (database, api) = api().await;
    let mut db = database.pool.acquire().await.expect("a connection");
    let order = insert_order(&mut db, "c-1").await;
    append(&mut db, order, "accepted", "pending").await;
    let url = format!("{}/api/v1/orders/{order}/events", api.address);
    let mut source = EventSource::open(&url, None).await;
    source.until_current().await;
    drop(source);
    eventually("nobody watches", async || (api.tracking.streams() == 0).then_some(())).await;
    let scans = async |db: &mut sqlx::PgConnection| -> i64 {
        sqlx::query("select pg_stat_clear_snapshot()").execute(&mut *db).await.expect("fresh figures");
        sqlx::query_scalar("select idx_scan from pg_stat_user_tables where relname = 'order_history'")
            .fetch_one(db)
            .await
            .expect("a figure")
    };
    // the poll notices within a second, and figures arrive within another
    let mut seen = scans(&mut db).await;
    let mut quiet = 0;
    eventually("the reading stops", async || {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = scans(&mut db).await;
        quiet = if now == seen { quiet + 1 } else { 0 };
        seen = now;
        (quiet == 6).then_some(())
    })
    .await;
}
