//! A virtual host per test on the broker of `AMQP_URL`, made and deleted by the management API of `AMQP_MANAGEMENT_URL`.

use std::time::Duration;

use order_fleet::config::BrokerArgs;
use order_fleet::messaging::Broker;
use order_fleet::topology::{Report, Topology, TopologyError, apply};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use uuid::Uuid;

use super::waiting::eventually;

/// Dropping it deletes the virtual host with everything in it.
pub struct VirtualHost {
    management: String,
    name: String,
    pub url: String,
}

impl VirtualHost {
    pub async fn create() -> Self {
        let (amqp_url, management) = address_of_the_broker();
        Self::create_on(&amqp_url, &management).await
    }

    /// On another broker than the one that the environment names.
    pub async fn create_on(amqp_url: &str, management: &str) -> Self {
        let name = format!("fleet_test_{}", Uuid::new_v4().simple());
        let host = Self { management: management.to_owned(), url: within(amqp_url, &name), name };
        host.ask(Method::PUT, &format!("vhosts/{}", host.name), None).await;
        let user = amqp_url.split("//").nth(1).and_then(|rest| rest.split(':').next()).expect("AMQP_URL has a user");
        host.allow(user).await;
        host
    }

    async fn allow(&self, user: &str) {
        let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
        self.ask(Method::PUT, &format!("permissions/{}/{user}", self.name), Some(all)).await;
    }

    /// The address of this virtual host for another user, who is made for it; dropped with [`VirtualHost::remove_user`].
    pub async fn url_of_new_user(&self) -> (String, String) {
        let user = format!("shop-{}", Uuid::new_v4().simple());
        let body = json!({"password": "shop", "tags": ""});
        self.ask(Method::PUT, &format!("users/{user}"), Some(body)).await;
        self.allow(&user).await;
        let (_, rest) = self.url.split_once('@').expect("AMQP_URL has a user");
        (format!("amqp://{user}:shop@{rest}"), user)
    }

    pub async fn remove_user(&self, user: &str) {
        self.ask(Method::DELETE, &format!("users/{user}"), None).await;
    }

    /// The broker as the fleet sees it; `role` is the name of the connections.
    pub fn broker(&self, role: &str) -> Broker {
        Broker::new(&BrokerArgs { amqp_url: self.url.clone() }, role).expect("an address of RabbitMQ")
    }

    pub async fn declare(&self, topology: &Topology) -> Result<Report, TopologyError> {
        let connection = self.broker("test").connect("declaring").await.expect("connects");
        let report = apply(&connection, topology).await;
        connection.close(200, "done".into()).await.ok();
        report
    }

    /// Cuts every connection to this virtual host, as an operator would; there are `least` or more.
    pub async fn close_connections(&self, least: usize) {
        // the list lags behind, the more the busier the broker is: wait until it knows them by name
        let open = eventually("the management API knows the connections", async || {
            let list = self.ask(Method::GET, &format!("vhosts/{}/connections", self.name), None).await;
            let names = list.as_array()?.iter().map(|open| open["name"].as_str().map(str::to_owned));
            names.collect::<Option<Vec<_>>>().filter(|names| names.len() >= least)
        })
        .await;
        for name in open {
            let name = name.replace(' ', "%20").replace('>', "%3E");
            self.ask(Method::DELETE, &format!("connections/{name}"), None).await;
        }
    }

    /// So many redeliveries in every queue before the broker gives a message up; the lower of this and the queue's own limit counts.
    pub async fn limit_deliveries(&self, limit: u32) {
        let policy = json!({"pattern": ".*", "apply-to": "queues", "definition": {"delivery-limit": limit}});
        self.ask(Method::PUT, &format!("policies/{}/few", self.name), Some(policy)).await;
    }

    /// Names of the queues.
    pub async fn queues(&self) -> Vec<String> {
        let list = self.ask(Method::GET, &format!("queues/{}?columns=name", self.name), None).await;
        list.as_array().expect("a list").iter().filter_map(|queue| queue["name"].as_str().map(str::to_owned)).collect()
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        ask(&self.management, method, path, body).await
    }
}

/// Of the broker that all tests share: AMQP, and the management API.
pub fn address_of_the_broker() -> (String, String) {
    (variable("AMQP_URL"), variable("AMQP_MANAGEMENT_URL"))
}

impl Drop for VirtualHost {
    fn drop(&mut self) {
        let (management, path) = (self.management.clone(), format!("vhosts/{}", self.name));
        // the test's own runtime may be ending: a thread with a small one of its own deletes the virtual host
        let deleting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(ask(&management, Method::DELETE, &path, None));
        });
        let deleted = deleting.join();
        if !std::thread::panicking() {
            deleted.expect("the virtual host is deleted");
        }
    }
}

async fn ask(management: &str, method: Method, path: &str, body: Option<Value>) -> Value {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().expect("a client");
    let request = client.request(method.clone(), format!("{management}/api/{path}"));
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let answer = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    let status = answer.status();
    // a connection may have ended by itself between the list and its deletion
    let gone = method == Method::DELETE && status == 404;
    assert!(status.is_success() || gone, "{method} {path}: {status}");
    let text = answer.text().await.expect("a body");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// The address with another virtual host.
fn within(url: &str, name: &str) -> String {
    let (address, options) = url.split_once('?').unwrap_or((url, ""));
    let (server, _) = address.rsplit_once('/').expect("AMQP_URL names a virtual host");
    format!("{server}/{name}?{options}")
}

#[expect(clippy::disallowed_methods, reason = "tests have no command line; the address comes from ./dev test")]
fn variable(name: &str) -> String {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => value,
        _ => panic!("{name} is not set: run the tests by `./dev test`, which starts a RabbitMQ and sets it"),
    }
}
