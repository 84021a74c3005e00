//! SMS over an API like Twilio's, one that refuses, fails or hangs, and into the folder.

use std::time::{Duration, Instant};

use order_fleet::domain::Phone;
use order_fleet::ports::Sent;
use order_fleet::ports::sms::{Account, Sms, SmsSender, TwilioSms, text};
use uuid::Uuid;

use super::{IMPATIENCE, PATIENCE, notification, only_file, refused, unavailable};
use order_fleet::stand_ins::{Misbehaviour, TwilioServer};

const ID: Uuid = Uuid::from_u128(0x43);
const SECRET: &str = "s3cret";

fn sms() -> Sms {
    let notification = notification("order_shipped");
    Sms { message_id: ID, to: notification.phone.clone().expect("a phone"), body: text(&notification) }
}

fn sender(base: &str, token: &str, deadline: Duration) -> SmsSender {
    let account = Account { sid: "AC1".to_owned(), auth_token: token.to_owned(), from: "+15550001".to_owned() };
    SmsSender::Twilio(TwilioSms::new(base, account, deadline).expect("a sender"))
}

#[tokio::test]
async fn a_text_arrives_with_its_fields_and_a_repeat_reaches_the_phone_once() {
    let server = TwilioServer::start("AC1", SECRET).await;
    let sender = sender(server.base(), SECRET, PATIENCE);
    let sent = sender.send(&sms()).await.expect("is sent");
    assert_eq!(sent, Sent { transport: "http", reference: format!("SM{:032x}", 1) });
    assert_eq!(sender.send(&sms()).await, Ok(sent));
    assert_eq!(server.repeats(), 1);
    let [text] = &server.texts()[..] else { panic!("one text") };
    assert_eq!((text.key.clone(), text.to.as_str(), text.from.as_str()), (ID.to_string(), "+4930123456", "+15550001"));
    assert!(text.body.contains("01890000-0000-7000-8000-0000000000a0 is on its way"), "{}", text.body);
}

#[tokio::test]
async fn a_number_that_the_provider_cannot_reach_refuses_the_text_without_the_number_in_the_reason() {
    let server = TwilioServer::start("AC1", SECRET).await;
    let sms = Sms { to: Phone::parse("030123456").expect("a phone"), ..sms() };
    let reason = refused(sender(server.base(), SECRET, PATIENCE).send(&sms).await);
    assert!(reason.contains("21211") && reason.contains("***56") && !reason.contains("030123456"), "{reason}");
}

#[tokio::test]
async fn wrong_credentials_limits_and_failures_are_outages() {
    let server = TwilioServer::start("AC1", SECRET).await;
    let (reason, _) = unavailable(sender(server.base(), "wrong", PATIENCE).send(&sms()).await);
    assert!(reason.contains("401") && !reason.contains("wrong"), "{reason}");

    let sender = sender(server.base(), SECRET, PATIENCE);
    for status in [500, 502, 503, 302] {
        server.misbehave(Some(Misbehaviour::status(status, "<html>broken</html>")));
        let (reason, _) = unavailable(sender.send(&sms()).await);
        assert!(reason.contains(&status.to_string()), "{reason}");
    }
    let body = r#"{"code": 20429, "message": "Too Many Requests"}"#.to_owned();
    server.misbehave(Some(Misbehaviour::Answer { status: 429, body, retry_after: Some(17) }));
    assert_eq!(unavailable(sender.send(&sms()).await).1, Some(Duration::from_secs(17)));
    // A page of some proxy with a good status: no text was taken over.
    server.misbehave(Some(Misbehaviour::status(200, "<html>welcome</html>")));
    unavailable(sender.send(&sms()).await);

    server.misbehave(None);
    sender.send(&sms()).await.expect("is sent once the provider is back");
    assert_eq!(server.texts().len(), 1);
}

#[tokio::test]
async fn a_silent_and_a_missing_provider_are_outages_that_end_in_time() {
    let server = TwilioServer::start("AC1", SECRET).await;
    server.misbehave(Some(Misbehaviour::Hang));
    let sender = sender(server.base(), SECRET, IMPATIENCE);
    let started = Instant::now();
    unavailable(sender.send(&sms()).await);
    assert!(started.elapsed() < PATIENCE);
    drop(server);
    let (reason, _) = unavailable(sender.send(&sms()).await);
    assert!(!reason.contains("AC1"), "{reason}");
}

#[tokio::test]
async fn without_an_account_a_text_becomes_one_file_however_often_it_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let sender = SmsSender::folder(folder.path()).expect("a sender");
    for _ in 0..3 {
        let sent = sender.send(&sms()).await.expect("is written");
        assert_eq!(sent, Sent { transport: "folder", reference: format!("{ID}.json") });
    }
    let (_, content) = only_file(folder.path());
    let written: serde_json::Value = serde_json::from_str(&content).expect("JSON");
    assert_eq!(written["to"], "+4930123456");
}
