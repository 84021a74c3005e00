//! Mail over SMTP with and without encryption, to a server that rejects or hangs, and into the folder.

use std::path::Path;
use std::time::{Duration, Instant};

use order_fleet::ports::mail::{Mail, Mailer, Server, SmtpMailer, Templates};
use order_fleet::ports::{SendError, Sent};
use uuid::Uuid;

use super::{IMPATIENCE, PATIENCE, notification, only_file, refused, unavailable};
use order_fleet::stand_ins::{Authority, SmtpManners, SmtpServer};

const ID: Uuid = Uuid::from_u128(0x42);

fn mail(message_id: Uuid) -> Mail {
    let templates = Templates::new("Test Shop").expect("templates");
    templates.mail(message_id, &notification("order_confirmation"), None).expect("renders").expect("carried by e-mail")
}

fn mailer(url: &str, ca_file: Option<&Path>, deadline: Duration) -> Mailer {
    let from = "Test Shop <orders@shop.example>".parse().expect("a mailbox");
    Mailer::Smtp(SmtpMailer::new(Server::parse(url, ca_file).expect("a server"), from, deadline))
}

#[tokio::test]
async fn a_confirmation_arrives_in_text_and_html_under_an_id_that_follows_from_the_message() {
    let server = SmtpServer::start().await;
    let sent = mailer(&server.url(), None, PATIENCE).send(&mail(ID)).await.expect("is sent");
    assert_eq!(sent, Sent { transport: "smtp", reference: format!("{ID}@shop.example") });

    let [mail] = &server.mails()[..] else { panic!("one mail") };
    assert_eq!(
        (mail.sender.as_str(), &mail.recipients[..]),
        ("orders@shop.example", &["ada@shop.example".to_owned()][..])
    );
    assert_eq!(mail.header("Message-ID"), Some(format!("<{ID}@shop.example>")));
    assert_eq!(mail.header("From").as_deref(), Some("\"Test Shop\" <orders@shop.example>"));
    assert_eq!(mail.header("X-Order-Id").as_deref(), Some("01890000-0000-7000-8000-0000000000a0"));
    assert!(mail.header("Subject").is_some_and(|subject| subject.ends_with("0000a0 is confirmed")), "{}", mail.content);
    for expected in
        ["text/plain", "text/html", "2 x GADGET-02, 19.99 each: 39.98", "Total: 69.92", "multipart/alternative"]
    {
        assert!(mail.content.contains(expected), "lacks {expected}:\n{}", mail.content);
    }
}

#[tokio::test]
async fn a_repeated_mail_carries_the_same_id_and_reuses_the_connection() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server.url(), None, PATIENCE);
    assert_eq!(mailer.send(&mail(ID)).await, mailer.send(&mail(ID)).await);
    let ids: Vec<_> = server.mails().iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids, vec![Some(format!("<{ID}@shop.example>")); 2]);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_unknown_recipient_and_rejected_content_refuse_the_mail_without_the_address_in_the_reason() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server.url(), None, PATIENCE);
    server.set_manners(SmtpManners::RejectRecipient);
    let reason = refused(mailer.send(&mail(ID)).await);
    assert!(reason.contains("550") && reason.contains("a***@shop.example"), "{reason}");
    assert!(!reason.contains("ada@"), "{reason}");
    server.set_manners(SmtpManners::RejectContent);
    assert!(refused(mailer.send(&mail(ID)).await).contains("554"));
    server.set_manners(SmtpManners::Polite);
    mailer.send(&mail(ID)).await.expect("a refusal does not spoil the next mail");
}

#[tokio::test]
async fn a_temporary_answer_a_closed_and_a_missing_server_are_outages() {
    let server = SmtpServer::start().await;
    let url = server.url();
    let mailer = mailer(&url, None, PATIENCE);
    for (manners, code) in [(SmtpManners::Temporary, "451"), (SmtpManners::Closed, "421")] {
        server.set_manners(manners);
        let (reason, _) = unavailable(mailer.send(&mail(ID)).await);
        assert!(reason.contains(code), "{reason}");
    }
    drop(server);
    let (reason, _) = unavailable(mailer.send(&mail(ID)).await);
    assert!(reason.contains("no connection to 127.0.0.1"), "{reason}");
}

#[tokio::test]
async fn a_silent_server_ends_at_the_deadline_and_leaves_nothing_behind_for_the_next_mail() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server.url(), None, IMPATIENCE);
    mailer.send(&mail(Uuid::from_u128(1))).await.expect("leaves a connection to be reused");
    for manners in [SmtpManners::HangAtContent, SmtpManners::HangAtGreeting] {
        server.set_manners(manners);
        let started = Instant::now();
        unavailable(mailer.send(&mail(Uuid::from_u128(2))).await);
        assert!(started.elapsed() < PATIENCE, "{manners:?}");
    }
    server.set_manners(SmtpManners::Polite);
    mailer.send(&mail(Uuid::from_u128(3))).await.expect("is sent");
    let connections: Vec<usize> = server.mails().iter().map(|mail| mail.connection).collect();
    assert_eq!(connections, [1, 3], "the connection that was given up is not used again");
}

#[tokio::test]
async fn many_mails_at_once_share_a_few_connections() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server.url(), None, PATIENCE);
    let mails: Vec<Mail> = (0..40).map(|id| mail(Uuid::from_u128(id))).collect();
    for outcome in futures_util::future::join_all(mails.iter().map(|mail| mailer.send(mail))).await {
        outcome.expect("is sent");
    }
    assert_eq!(server.mails().len(), 40);
    assert!(server.connections() <= 4, "{}", server.connections());
}

#[tokio::test]
async fn starttls_and_tls_reach_a_server_of_a_private_authority_and_only_with_its_certificate() {
    let authority = Authority::generate();
    let folder = tempfile::tempdir().expect("a folder");
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, authority.pem()).expect("is written");
    let upgrading = SmtpServer::start_with_starttls(&authority).await;
    let wrapped = SmtpServer::start_with_tls(&authority).await;
    for (server, url) in [
        (&upgrading, format!("smtp://localhost:{}?tls=required", upgrading.port)),
        (&upgrading, format!("smtp://localhost:{}?tls=opportunistic", upgrading.port)),
        (&wrapped, format!("smtps://localhost:{}", wrapped.port)),
    ] {
        mailer(&url, Some(&ca_file), PATIENCE).send(&mail(ID)).await.expect(&url);
        assert!(server.mails().last().is_some_and(|mail| mail.encrypted), "{url}");
        let (reason, _) = unavailable(mailer(&url, None, PATIENCE).send(&mail(ID)).await);
        assert!(reason.contains("certificate"), "{reason}");
    }
}

#[tokio::test]
async fn required_encryption_that_the_server_lacks_is_an_outage_and_no_mail_leaves() {
    let server = SmtpServer::start().await;
    let url = format!("{}?tls=required", server.url());
    unavailable(mailer(&url, None, PATIENCE).send(&mail(ID)).await);
    assert_eq!(server.mails(), []);
}

#[tokio::test]
async fn without_a_server_a_mail_becomes_one_file_however_often_it_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mail");
    let mailer = Mailer::folder(&path, "orders@shop.example".parse().expect("a mailbox")).expect("a mailer");
    for _ in 0..3 {
        let sent = mailer.send(&mail(ID)).await;
        assert_eq!(sent, Ok::<_, SendError>(Sent { transport: "folder", reference: format!("{ID}.eml") }));
    }
    let (name, content) = only_file(&path);
    assert_eq!(name, format!("{ID}.eml"));
    assert!(content.contains(&format!("Message-ID: <{ID}@shop.example>")), "{content}");
}
