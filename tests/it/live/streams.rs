//! What a stream tells, over SSE and WebSocket alike.

use order_fleet::access::{Grant, Role, TokenRules, VerifyingKey, mint};
use order_fleet::contract::tracking::LiveEvent;
use order_fleet::intake::http::{Guard, Identity};
use serde_json::json;
use time::OffsetDateTime;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{connect_async, tungstenite};

use super::{api, api_with, append, insert_order, lively};
use crate::support::streams::{EventSource, Socket};
use crate::support::{Api, TestDatabase, answer, eventually};

const SECRET: &str = "a secret for tests: as long as a hash";

#[tokio::test]
async fn an_order_is_told_from_its_beginning_then_live_and_signs_of_life_in_between() {
    let (database, api) = api_with(lively()).await;
    let mut db = database.pool.acquire().await.expect("a connection");
    let order = insert_order(&mut db, "c-1").await;
    let first = append(&mut db, order, "accepted", "pending").await;
    let url = format!("{}/api/v1/orders/{order}/events", api.address);

    let mut source = EventSource::open(&url, None).await;
    let headers = source.response.headers();
    assert_eq!(headers["content-type"], "text/event-stream");
    assert_eq!(headers["x-accel-buffering"], "no");
    assert_eq!(headers["cache-control"], "no-store");
    let (told, position) = source.until_current().await;
    assert_eq!((told.len(), told[0].id, position), (1, first, first));
    assert_eq!((told[0].event.as_str(), told[0].order_id.0), ("accepted", order));

    let second = append(&mut db, order, "submitted", "processing").await;
    assert_eq!(source.transition().await.expect("live").id, second);
    let (nothing, position) = source.until_current().await;
    assert_eq!((nothing, position), (Vec::new(), second), "signs of life follow");

    // the same, from the middle, over the other transport
    let mut socket = Socket::try_open(&format!("{url}?after={first}")).await.expect("a WebSocket");
    let Ok(LiveEvent::Transition(transition)) = socket.next().await else { panic!("the second transition") };
    assert_eq!(transition.id, second);
    let Ok(LiveEvent::Heartbeat { after, .. }) = socket.next().await else { panic!("a sign of life") };
    assert_eq!(after, second);
    let third = append(&mut db, order, "stock_reserved", "processing").await;
    let live = loop {
        if let LiveEvent::Transition(transition) = socket.next().await.expect("open") {
            break transition.id;
        }
    };
    assert_eq!(live, third);
}

#[tokio::test]
async fn a_customers_stream_tells_of_all_their_orders_and_of_nobody_elses() {
    let (database, api) = api().await;
    let mut db = database.pool.acquire().await.expect("a connection");
    let before = insert_order(&mut db, "c-1").await;
    append(&mut db, before, "accepted", "pending").await;
    let url = format!("{}/api/v1/customers/c-1/events", api.address);

    let mut now = EventSource::open(&url, None).await;
    let (nothing, position) = now.until_current().await;
    assert_eq!(nothing, Vec::new(), "without a position it begins now");
    let mut all = EventSource::open(&url, Some("0")).await;
    assert_eq!(all.until_current().await.0.len(), 1, "position 0 is the beginning");

    let stranger = insert_order(&mut db, "c-2").await;
    append(&mut db, stranger, "accepted", "pending").await;
    let mut expected = Vec::new();
    for (order, event) in
        [(before, "submitted"), (insert_order(&mut db, "c-1").await, "accepted"), (before, "stock_reserved")]
    {
        expected.push(append(&mut db, order, event, "processing").await);
    }
    for source in [&mut now, &mut all] {
        for id in &expected {
            assert_eq!(source.transition().await.expect("live").id, *id);
        }
    }
    // what the first heartbeat named is enough to resume, although no transition had come
    let mut resumed = EventSource::open(&format!("{url}?after={position}"), None).await;
    let ids: Vec<i64> = resumed.until_current().await.0.iter().map(|transition| transition.id).collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn who_does_not_follow_is_told_all_that_has_happened_and_then_the_stream_ends() {
    let (database, api) = api().await;
    let mut db = database.pool.acquire().await.expect("a connection");
    let order = insert_order(&mut db, "c-1").await;
    let first = append(&mut db, order, "accepted", "pending").await;
    let second = append(&mut db, order, "submitted", "processing").await;
    for path in [format!("orders/{order}"), "customers/c-1".to_owned()] {
        let url = format!("{}/api/v1/{path}/events?follow=false", api.address);
        let mut source = EventSource::open(&url, Some("0")).await;
        let (told, position) = source.until_current().await;
        assert_eq!(told.iter().map(|transition| transition.id).collect::<Vec<_>>(), [first, second], "{path}");
        assert_eq!((position, source.next().await), (second, None), "{path}: the stream has ended");

        let mut socket = Socket::try_open(&format!("{url}&after={first}")).await.expect("a WebSocket");
        let Ok(LiveEvent::Transition(transition)) = socket.next().await else { panic!("{path}: the second") };
        assert_eq!(transition.id, second);
        assert!(matches!(socket.next().await, Ok(LiveEvent::Heartbeat { .. })), "{path}");
        assert_eq!(socket.next().await, Err(Some(1_000)), "{path}: closed in good order");
    }
    eventually("nobody watches any more", async || (api.tracking.streams() == 0).then_some(())).await;
}

#[tokio::test]
async fn a_websocket_proves_who_opens_it_and_no_foreign_page_can_open_one() {
    let database = TestDatabase::create().await;
    let rules = TokenRules::default();
    let secret = VerifyingKey::secret(SECRET).expect("long enough");
    let guard = Guard {
        identity: Identity::required(rules, Some(secret), None),
        origins: "https://shop.example".parse().expect("an origin"),
        ..Guard::open()
    };
    let api = Api::start_guarded(guard, database.pool.clone()).await;
    let order = insert_order(&mut database.pool.acquire().await.expect("a connection"), "c-1").await;
    let open = async |path: &str, subject: Option<&str>, origin: Option<&str>| {
        let url = format!("{}/api/v1/{path}/events", api.address).replacen("http://", "ws://", 1);
        let mut request = url.into_client_request().expect("an address");
        let proof = subject.map(|subject| format!("Bearer {}", customers_token(subject)));
        for (name, value) in [("authorization", proof), ("origin", origin.map(str::to_owned))] {
            if let Some(value) = value {
                request.headers_mut().insert(name, value.parse().expect("a header"));
            }
        }
        match connect_async(request).await {
            Ok((_, response)) => response.status().as_u16(),
            Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("{path}: {error}"),
        }
    };
    for path in [format!("orders/{order}"), "customers/c-1".to_owned()] {
        assert_eq!(open(&path, None, None).await, 401, "{path}");
        assert_eq!(open(&path, Some("c-2"), None).await, 404, "{path}");
        assert_eq!(open(&path, Some("c-1"), None).await, 101, "{path}");
        assert_eq!(open(&path, Some("c-1"), Some("https://evil.example")).await, 403, "{path}");
        assert_eq!(open(&path, Some("c-1"), Some("null")).await, 403, "{path}");
        assert_eq!(open(&path, Some("c-1"), Some("https://shop.example")).await, 101, "{path}");
        assert_eq!(open(&path, Some("c-1"), Some(&api.address)).await, 101, "{path}: its own pages");
    }
}

/// A token of a customer for one hour.
fn customers_token(id: &str) -> String {
    let now = u64::try_from(OffsetDateTime::now_utc().unix_timestamp()).expect("after 1970");
    let grant = Grant {
        subject: id.to_owned(),
        role: Role::Customer,
        customer_id: None,
        issued_at: now,
        lifetime_seconds: 3_600,
    };
    mint(SECRET, &grant, &TokenRules::default()).expect("a token")
}

#[tokio::test]
async fn what_cannot_be_streamed_is_a_problem() {
    let (database, api) = api().await;
    let order = insert_order(&mut database.pool.acquire().await.expect("a connection"), "c-1").await;
    let unknown = "/api/v1/orders/0199c1d2-7a40-7c1e-9d43-0c2f5a1be001/events";
    for (path, status, kind) in [
        (unknown.to_owned(), 404, "/problems/not-found"),
        ("/api/v1/orders/seven/events".to_owned(), 404, "/problems/not-found"),
        (format!("/api/v1/orders/{order}/events?after=-1"), 422, "/problems/validation"),
        (format!("/api/v1/orders/{order}/events?follow=perhaps"), 422, "/problems/validation"),
        (format!("/api/v1/orders/{order}/events?after=x&colour=red"), 422, "/problems/validation"),
        ("/track/nobody/events".to_owned(), 404, "/problems/not-found"),
        ("/track/%ff/events".to_owned(), 404, "/problems/not-found"),
        ("/track/assets/%ff".to_owned(), 404, "/problems/not-found"),
    ] {
        let (found, problem) = answer(api.get(&path)).await;
        assert_eq!((found, &problem["type"]), (status, &json!(kind)), "{path}");
    }
    let path = format!("/api/v1/orders/{order}/events");
    let (status, problem) = answer(api.get(&path).header("last-event-id", "half")).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/Last-Event-ID")));
    let (status, problem) = answer(api.get(&path).header("upgrade", "websocket")).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/Upgrade")));
}
