//! `orders submit --amqp` against a real broker (`AMQP_URL`, `AMQP_MANAGEMENT_URL`), in a vhost of its own.

use serde_json::{Value, json};

use super::runner::{Run, run};

const FLAGS: [&str; 8] =
    ["submit", "--amqp", "--customer", "c-1", "--email", "ada@shop.example", "--item", "GADGET-01:2:9.99"];

/// A vhost that is made for one test; [`Vhost::remove`] ends it.
struct Vhost {
    http: reqwest::Client,
    management: reqwest::Url,
    name: String,
    amqp_url: String,
}

impl Vhost {
    #[expect(clippy::disallowed_methods, reason = "a test has no flags")]
    async fn create() -> Self {
        let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run ./dev test"));
        let management =
            reqwest::Url::parse(&variable("AMQP_MANAGEMENT_URL")).expect("AMQP_MANAGEMENT_URL is an address");
        let name = format!("cli-{}", uuid::Uuid::now_v7());
        let mut amqp_url = reqwest::Url::parse(&variable("AMQP_URL")).expect("AMQP_URL is an address");
        amqp_url.set_path(&name);
        let vhost = Self { http: reqwest::Client::new(), management, name, amqp_url: amqp_url.to_string() };
        vhost.ask(reqwest::Method::PUT, &["vhosts", &vhost.name], json!({})).await;
        vhost
    }

    async fn exchange(&self) {
        let exchange = json!({"type": "direct", "durable": true});
        self.ask(reqwest::Method::PUT, &["exchanges", &self.name, "orders"], exchange).await;
    }

    async fn queue(&self, arguments: Value) {
        let queue = json!({"durable": true, "arguments": arguments});
        self.ask(reqwest::Method::PUT, &["queues", &self.name, "order_processing"], queue).await;
        let binding = json!({"routing_key": "process"});
        self.ask(reqwest::Method::POST, &["bindings", &self.name, "e", "orders", "q", "order_processing"], binding)
            .await;
    }

    async fn message(&self) -> Value {
        let take = json!({"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"});
        self.ask(reqwest::Method::POST, &["queues", &self.name, "order_processing", "get"], take).await[0].clone()
    }

    async fn ask(&self, method: reqwest::Method, path: &[&str], body: Value) -> Value {
        let mut url = self.management.clone();
        url.path_segments_mut().expect("a host").pop_if_empty().push("api").extend(path);
        let answer = self.http.request(method, url).json(&body).send().await.expect("the management API answers");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        assert!(status.is_success(), "{path:?}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    async fn publish(&self, more: &[&str]) -> Run {
        let url = ["--amqp-url", self.amqp_url.as_str()];
        // No API is there: publishing must not need one.
        run("http://127.0.0.1:1", &[&FLAGS[..], &url, more].concat(), "").await
    }

    async fn remove(self) {
        self.ask(reqwest::Method::DELETE, &["vhosts", &self.name], json!({})).await;
    }
}

#[tokio::test]
async fn a_published_order_is_persistent_and_carries_id_type_and_the_whole_order() {
    let vhost = Vhost::create().await;
    vhost.exchange().await;
    vhost.queue(json!({})).await;
    let run = vhost.publish(&["--json"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    let message = vhost.message().await;
    let order: Value = serde_json::from_str(message["payload"].as_str().expect("a payload")).expect("JSON");
    assert_eq!(run.json(), order);
    assert_eq!(
        (&order["status"], &order["total"], &order["items"][0]["sku"]),
        (&json!("pending"), &json!(19.98), &json!("GADGET-01"))
    );
    let properties = &message["properties"];
    assert_eq!((&properties["delivery_mode"], &properties["type"]), (&json!(2), &json!("order.submitted")));
    assert!(properties["message_id"].as_str().is_some_and(|id| id.parse::<uuid::Uuid>().is_ok()), "{properties}");
    vhost.remove().await;
}

#[tokio::test]
async fn a_missing_exchange_a_missing_queue_and_a_full_queue_are_three_errors() {
    let vhost = Vhost::create().await;
    let run = vhost.publish(&[]).await;
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("no exchange 'orders'") && run.stderr.contains("run setup"), "{run:?}");
    vhost.exchange().await;
    let run = vhost.publish(&[]).await;
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("returned") && run.stderr.contains("NO_ROUTE"), "{run:?}");
    vhost.queue(json!({"x-max-length": 1, "x-overflow": "reject-publish"})).await;
    assert_eq!(vhost.publish(&[]).await.code, 0);
    let run = vhost.publish(&[]).await;
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("nack"), "{run:?}");
    vhost.remove().await;
}

#[tokio::test]
async fn a_broker_that_is_not_there_exits_with_3_and_keeps_the_password_to_itself() {
    let url = ["--amqp-url", "amqp://fleet:secret@127.0.0.1:1/none"];
    let run = run("http://127.0.0.1:1", &[&FLAGS[..], &url].concat(), "").await;
    assert_eq!(run.code, 3);
    assert!(run.stderr.contains("the broker at 127.0.0.1:1 cannot be reached"), "{run:?}");
    assert!(!run.stderr.contains("secret"), "{run:?}");
}
