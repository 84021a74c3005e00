//! The few calls of RabbitMQ's management API that make and remove a vhost. Used by [`super::stage`].

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Client, Method, Url};
use serde_json::{Value, json};

/// A vhost of a local broker is there within a second; a cluster starts its part on every node first.
const DEADLINE: Duration = Duration::from_secs(20);

pub struct Management {
    http: Client,
    /// With user and password, which never reach a message of ours.
    base: Url,
}

impl Management {
    /// # Errors
    /// When the address is none of HTTP.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        let example = "as in http://user:password@127.0.0.1:15672";
        let base = Url::parse(url).with_context(|| format!("AMQP_MANAGEMENT_URL is no address, {example}"))?;
        if !matches!(base.scheme(), "http" | "https") {
            bail!("AMQP_MANAGEMENT_URL must start with http:// or https://, {example}");
        }
        Ok(Self { http: client(&base, DEADLINE)?, base })
    }

    /// # Errors
    /// What the broker said.
    pub async fn create_vhost(&self, vhost: &str, user: &str) -> anyhow::Result<()> {
        self.call(Method::PUT, &["vhosts", vhost], &json!({"description": "order-fleet demonstration"})).await?;
        let everything = json!({"configure": ".*", "write": ".*", "read": ".*"});
        self.call(Method::PUT, &["permissions", vhost, user], &everything).await
    }

    /// # Errors
    /// What the broker said.
    pub async fn delete_vhost(&self, vhost: &str) -> anyhow::Result<()> {
        self.call(Method::DELETE, &["vhosts", vhost], &Value::Null).await
    }

    async fn call(&self, method: Method, path: &[&str], body: &Value) -> anyhow::Result<()> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        let what = format!("{method} /api/{} of the broker's management API", path.join("/"));
        let answer = self.http.request(method, url).json(body).send().await;
        let answer = answer.map_err(reqwest::Error::without_url).with_context(|| format!("{what} is not answered"))?;
        if !answer.status().is_success() {
            bail!("{what} is answered by {}: {}", answer.status(), answer.text().await.unwrap_or_default());
        }
        Ok(())
    }
}

/// A client for `base`. A minimal system has no root certificates, and plain HTTP needs none; a proxy of the environment cannot mean
/// this machine.
///
/// # Errors
/// When the system has no certificates and https is asked for.
pub fn client(base: &Url, deadline: Duration) -> anyhow::Result<Client> {
    let mut builder = Client::builder().timeout(deadline);
    if base.scheme() == "http" {
        builder = builder.tls_certs_only([]);
    }
    if matches!(base.host_str(), Some("127.0.0.1" | "localhost" | "[::1]")) {
        builder = builder.no_proxy();
    }
    builder.build().context("no HTTP client can be made")
}
