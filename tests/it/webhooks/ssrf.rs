//! Nobody can have the fleet call what only the fleet can reach, whatever was registered before the rules were strict.

use std::time::Duration;

use order_fleet::contract::signature::Secret;
use order_fleet::ports::webhooks::{AddressRules, EndpointUrl, Shipment, WebhookSender};
use order_fleet::stand_ins::{Authority, Misbehaviour, PartnerServer};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use super::{Scene, ids};
use crate::support::{ANY_ADDRESS, Options, answer, eventually};

const PATIENCE: Duration = Duration::from_secs(10);

async fn send(sender: &WebhookSender, url: &str) -> order_fleet::ports::webhooks::Attempt {
    let secret = Secret::generate().expect("random numbers");
    // parsed as one that may go anywhere: what is shown here is the last line of defence
    let url = EndpointUrl::parse(url, ANY_ADDRESS).expect("an address");
    sender.send(Shipment { url: &url, id: Uuid::nil(), body: "{}".to_owned(), secrets: &[secret] }).await
}

#[tokio::test]
async fn an_endpoint_inside_is_neither_registered_nor_called() {
    let rules = AddressRules { allow_http: true, allow_private: false };
    let scene = Scene::with(Options { webhook_rules: rules, ..Options::default() }).await;
    let endpoint = scene.endpoint("inside", json!(["*"])).await;
    scene.events(1).await;
    let delivery = eventually("the attempt is logged", async || {
        scene.deliveries(&endpoint, "").await.into_iter().find(|delivery| delivery["attempts"] != 0)
    })
    .await;
    let error = delivery["last_error"].as_str().expect("an error");
    assert!(error.contains("must not be an address that is not public: 127.0.0.1"), "{error}");
    assert!(delivery["last_status"].is_null());
    assert!(scene.partner.calls("inside").is_empty());
    assert_eq!(super::succeeds_empty(scene.stage.api.delete(&endpoint.page(""))).await, 204);
    let mut scene = scene;
    scene.stage.settle().await;
    scene.finish().await;
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_followed_and_no_connection_is_made() {
    let partner = PartnerServer::start().await;
    let strict = WebhookSender::new(AddressRules { allow_http: true, allow_private: false }, PATIENCE, None);
    let port = partner.url("a").rsplit_once(':').expect("a port").1.to_owned();
    let attempt = send(&strict, &format!("http://localhost:{port}")).await;
    let error = attempt.error.expect("refused");
    assert!(error.contains("localhost is ") && error.contains("not a public address"), "{error}");
    assert!(partner.calls("a").is_empty() && attempt.status.is_none());
    let open = WebhookSender::new(ANY_ADDRESS, PATIENCE, None);
    let attempt = send(&open, &format!("http://localhost:{port}")).await;
    assert!(attempt.succeeded(), "{attempt:?}");
    assert_eq!(partner.calls("a").len(), 1);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_nobody_goes_there() {
    let scene = Scene::set().await;
    let endpoint = scene.endpoint("door", json!(["*"])).await;
    scene.partner.misbehave("door", Misbehaviour::Redirect(scene.partner.url("inside")));
    let events = scene.events(1).await;
    let delivery = eventually("the attempt is logged", async || {
        scene.deliveries(&endpoint, "").await.into_iter().find(|delivery| delivery["attempts"] != 0)
    })
    .await;
    assert_eq!(delivery["last_status"], 307);
    assert!(delivery["last_error"].as_str().is_some_and(|error| error.contains("redirects are not followed")));
    scene.partner.behave("door");
    scene.takes(&endpoint, &events).await;
    assert!(ids(&scene.partner.calls("inside")).is_empty());
    scene.finish().await;
}

#[tokio::test]
async fn an_address_that_is_not_public_cannot_be_registered() {
    let database = crate::support::TestDatabase::create().await;
    let api = crate::support::Api::start_strictly(database.pool.clone()).await;
    for url in
        ["https://127.0.0.1/", "https://[::ffff:169.254.169.254]/", "https://localhost/", "http://partner.example/"]
    {
        let body = json!({"url": url, "event_types": ["*"]});
        let (status, problem) = answer(api.post("/api/v1/webhooks", &body)).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/url")), "{url}: {problem}");
    }
    let body = json!({"url": "https://partner.example/hooks", "event_types": ["*"]});
    let (status, created) = answer(api.post("/api/v1/webhooks", &body)).await;
    assert_eq!(status, 201, "{created}");
    let page = format!("/api/v1/webhooks/{}", created["id"].as_str().expect("an id"));
    let (status, problem) = answer(api.patch(&page, &json!({"url": "https://10.0.0.1/"}))).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/url")), "{problem}");
}

#[tokio::test]
async fn an_answer_that_never_ends_is_cut_off() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let flood = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = socket.read(&mut request).await;
                let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n").await;
                while socket.write_all(&[b'x'; 65_536]).await.is_ok() {}
            });
        }
    });
    let sender = WebhookSender::new(ANY_ADDRESS, PATIENCE, None);
    let attempt = send(&sender, &format!("http://{address}/")).await;
    assert!(attempt.succeeded() && attempt.response.len() == 1024, "{attempt:?}");
    assert!(attempt.duration < PATIENCE);
    flood.abort();
}

#[tokio::test]
async fn https_is_checked_against_the_authority_that_was_given() {
    let authority = Authority::generate();
    let acceptor = authority.acceptor();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let server = tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(socket).await else { continue };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    let certificate = reqwest::Certificate::from_pem(authority.pem().as_bytes()).expect("a certificate");
    let trusting = WebhookSender::new(ANY_ADDRESS, PATIENCE, Some(certificate));
    for host in ["localhost", "127.0.0.1"] {
        let attempt = send(&trusting, &format!("https://{host}:{port}/")).await;
        assert!(attempt.succeeded(), "{attempt:?}");
    }
    let stranger = reqwest::Certificate::from_pem(Authority::generate().pem().as_bytes()).expect("a certificate");
    let attempt =
        send(&WebhookSender::new(ANY_ADDRESS, PATIENCE, Some(stranger)), &format!("https://localhost:{port}/")).await;
    assert!(attempt.error.is_some_and(|error| error.contains("certificate")));
    server.abort();
}
