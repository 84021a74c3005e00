//! Push over an API like FCM's with its service accounts, one that refuses, fails or hangs, and into the folder.

use std::time::{Duration, Instant};

use order_fleet::ports::Sent;
use order_fleet::ports::push::{FcmPush, Push, PushSender, ServiceAccount};
use uuid::Uuid;

use super::{IMPATIENCE, PATIENCE, notification, only_file, refused, unavailable};
use crate::support::outbound_servers::{FcmServer, Misbehaviour};

const ID: Uuid = Uuid::from_u128(0x44);

fn push() -> Push {
    Push::about(ID, &notification("order_shipped")).expect("the customer is known")
}

fn sender(server: &FcmServer, deadline: Duration) -> PushSender {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("account.json");
    server.write_credentials(&file);
    let account = ServiceAccount::read(&file).expect("an account");
    PushSender::Fcm(FcmPush::new(server.base(), account, deadline).expect("a sender"))
}

#[tokio::test]
async fn a_message_reaches_the_customers_topic_under_one_tag_per_message() {
    let server = FcmServer::start().await;
    let sent = sender(&server, PATIENCE).send(&push()).await.expect("is sent");
    assert_eq!(sent, Sent { transport: "http", reference: "projects/fleet-test/messages/1".to_owned() });
    assert_eq!(server.refused_assertions(), Vec::<String>::new());
    let [message] = &server.messages()[..] else { panic!("one message") };
    assert_eq!(message["topic"], "customer-ada%40shop");
    assert_eq!(message["notification"]["title"], "Order shipped");
    assert_eq!(message["data"]["order_id"], "01890000-0000-7000-8000-0000000000a0");
    assert!(message["data"].as_object().is_some_and(|data| data.values().all(serde_json::Value::is_string)));
    for tag in [
        &message["android"]["notification"]["tag"],
        &message["apns"]["headers"]["apns-collapse-id"],
        &message["webpush"]["notification"]["tag"],
    ] {
        assert_eq!(*tag, ID.to_string());
    }
}

#[tokio::test]
async fn a_token_is_fetched_once_for_many_messages_and_again_shortly_before_its_end() {
    let server = FcmServer::start().await;
    let sender = sender(&server, PATIENCE);
    let push = push();
    for outcome in futures_util::future::join_all((0..10).map(|_| sender.send(&push))).await {
        outcome.expect("is sent");
    }
    assert_eq!((server.messages().len(), server.tokens_handed_out()), (10, 1));

    let server = FcmServer::start().await;
    server.set_token_seconds(30);
    let sender = self::sender(&server, PATIENCE);
    for _ in 0..2 {
        sender.send(&push).await.expect("is sent");
    }
    assert_eq!(server.tokens_handed_out(), 2, "30 seconds are too few to rely on");
}

#[tokio::test]
async fn a_revoked_token_is_an_outage_once_and_then_replaced() {
    let server = FcmServer::start().await;
    let sender = sender(&server, PATIENCE);
    sender.send(&push()).await.expect("is sent");
    server.revoke_tokens();
    unavailable(sender.send(&push()).await);
    sender.send(&push()).await.expect("is sent with a new token");
}

#[tokio::test]
async fn an_invalid_message_is_refused_and_failures_and_limits_are_outages() {
    let server = FcmServer::start().await;
    let sender = sender(&server, PATIENCE);
    let body = r#"{"error": {"status": "INVALID_ARGUMENT", "message": "Invalid topic"}}"#;
    server.misbehave(Some(Misbehaviour::status(400, body)));
    let reason = refused(sender.send(&push()).await);
    assert!(reason.contains("INVALID_ARGUMENT: Invalid topic"), "{reason}");

    for status in [403, 500, 503] {
        server.misbehave(Some(Misbehaviour::status(status, "broken")));
        unavailable(sender.send(&push()).await);
    }
    server.misbehave(Some(Misbehaviour::Answer { status: 429, body: String::new(), retry_after: Some(60) }));
    assert_eq!(unavailable(sender.send(&push()).await).1, Some(Duration::from_secs(60)));
    server.misbehave(None);
    sender.send(&push()).await.expect("is sent once FCM is back");
}

#[tokio::test]
async fn a_broken_token_endpoint_is_an_outage_and_heals() {
    let server = FcmServer::start().await;
    let sender = sender(&server, PATIENCE);
    for misbehaviour in [
        Misbehaviour::status(400, r#"{"error": "invalid_grant"}"#),
        Misbehaviour::status(500, ""),
        Misbehaviour::status(200, "{}"),
    ] {
        server.misbehave_for_tokens(Some(misbehaviour));
        let (reason, _) = unavailable(sender.send(&push()).await);
        assert!(reason.starts_with("no access token"), "{reason}");
    }
    server.misbehave_for_tokens(None);
    sender.send(&push()).await.expect("is sent");
}

#[tokio::test]
async fn silence_of_either_endpoint_ends_at_the_deadline_and_blocks_nobody_after() {
    let server = FcmServer::start().await;
    let sender = sender(&server, IMPATIENCE);
    let started = Instant::now();
    server.misbehave_for_tokens(Some(Misbehaviour::Hang));
    unavailable(sender.send(&push()).await);
    server.misbehave_for_tokens(None);
    server.misbehave(Some(Misbehaviour::Hang));
    unavailable(sender.send(&push()).await);
    server.misbehave(None);
    assert!(started.elapsed() < PATIENCE);
    sender.send(&push()).await.expect("is sent");
}

#[tokio::test]
async fn a_key_of_somebody_else_gets_no_token() {
    let (server, other) = (FcmServer::start().await, FcmServer::start().await);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("account.json");
    other.write_credentials(&file);
    let forged = std::fs::read_to_string(&file).expect("text").replace(other.base(), server.base());
    std::fs::write(&file, forged).expect("is written");
    let account = ServiceAccount::read(&file).expect("an account");
    let sender = PushSender::Fcm(FcmPush::new(server.base(), account, PATIENCE).expect("a sender"));
    unavailable(sender.send(&push()).await);
    assert_eq!(server.refused_assertions(), ["InvalidSignature"]);
}

#[tokio::test]
async fn without_an_account_a_message_becomes_one_file_however_often_it_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let sender = PushSender::folder(folder.path()).expect("a sender");
    for _ in 0..3 {
        let sent = sender.send(&push()).await.expect("is written");
        assert_eq!(sent, Sent { transport: "folder", reference: format!("{ID}.json") });
    }
    let (_, content) = only_file(folder.path());
    let written: serde_json::Value = serde_json::from_str(&content).expect("JSON");
    assert_eq!(written["topic"], "customer-ada%40shop");
}
