//! The HTTP side of the load: products, orders with their keys and repetitions, and the statistics. Small on purpose: it shares the
//! machine with what it measures.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;

use super::options::LoadOptions;
use super::settle::Counts;

/// Further tries of one order, and the pause before each unless the API names one.
const RETRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);
/// More than any run sells.
const PLENTY: i64 = 1_000_000_000;

pub struct Shop {
    http: Client,
    base: Url,
    orders: Url,
    name: String,
}

/// What became of one order.
#[derive(Debug)]
pub struct Answered {
    pub outcome: Outcome,
    /// Tries before the last.
    pub retries: u32,
}

#[derive(Debug)]
pub enum Outcome {
    /// By the API's clock; perhaps by an earlier run of the same name.
    Accepted { created_at: OffsetDateTime, replayed: bool },
    /// In a few words: a status, or why there is none.
    Failed(String),
}

enum Try {
    Final(Outcome),
    Again { after: Duration, why: String },
}

impl Shop {
    /// # Errors
    /// When no HTTP client can be made for the address.
    pub fn new(options: &LoadOptions) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::new();
        if let Some(token) = &options.access_token {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = Client::builder()
            .default_headers(headers)
            .timeout(options.request_timeout)
            .pool_max_idle_per_host(options.pace.connections())
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none());
        if options.api.scheme() == "http" {
            // Plain HTTP needs no certificates, and a minimal system has none.
            builder = builder.tls_certs_only([]);
        }
        if matches!(options.api.host_str(), Some("127.0.0.1" | "localhost" | "[::1]")) {
            builder = builder.no_proxy();
        }
        let orders = options.api.join("api/v1/orders")?;
        Ok(Self { http: builder.build()?, base: options.api.clone(), orders, name: options.name.clone() })
    }

    /// Submits until there is an answer that stays.
    pub async fn submit(&self, number: u64, body: String) -> Answered {
        let key = format!("bench-{}-{number}", self.name);
        let mut retries = 0;
        loop {
            match self.attempt(&key, body.clone()).await {
                Try::Final(outcome) => return Answered { outcome, retries },
                Try::Again { why, .. } if retries >= RETRIES => {
                    return Answered { outcome: Outcome::Failed(why), retries };
                }
                Try::Again { after, .. } => tokio::time::sleep(after).await,
            }
            retries += 1;
        }
    }

    async fn attempt(&self, key: &str, body: String) -> Try {
        #[derive(Deserialize)]
        struct Accepted {
            #[serde(with = "time::serde::rfc3339")]
            created_at: OffsetDateTime,
        }
        let request = self.http.post(self.orders.clone()).header(CONTENT_TYPE, "application/json");
        let response = match request.header("Idempotency-Key", key).body(body).send().await {
            Ok(response) => response,
            Err(error) => {
                let why = if error.is_timeout() { "no answer in time" } else { "no connection" };
                return Try::Again { after: PAUSE, why: why.to_owned() };
            }
        };
        let status = response.status();
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let replayed = response.headers().contains_key("idempotency-replayed");
        let Ok(bytes) = response.bytes().await else {
            return Try::Again { after: PAUSE, why: "half an answer".to_owned() };
        };
        match status {
            StatusCode::ACCEPTED => Try::Final(match serde_json::from_slice::<Accepted>(&bytes) {
                Ok(Accepted { created_at }) => Outcome::Accepted { created_at, replayed },
                Err(_) => Outcome::Failed("202 without an order".to_owned()),
            }),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT => {
                Try::Again { after: PAUSE, why: status.to_string() }
            }
            _ if status.is_server_error() => {
                Try::Again { after: asked.map_or(PAUSE, Duration::from_secs), why: status.to_string() }
            }
            _ => Try::Final(Outcome::Failed(status.to_string())),
        }
    }

    /// Products of the load's own, made where they are missing.
    ///
    /// # Errors
    /// What the API said.
    pub async fn make_products(&self, count: u32) -> anyhow::Result<Vec<String>> {
        let mut skus = Vec::new();
        for number in 1..=count {
            let sku = format!("BENCH-{number}");
            let price = f64::from(495 + 25 * (number % 100)) / 100.0;
            let product =
                json!({"sku": sku, "name": format!("Measured thing {number}"), "price": price, "stock": PLENTY});
            let answer = self.http.post(self.base.join("api/v1/products")?).json(&product).send().await;
            let status = answer.with_context(|| format!("{} cannot be reached", self.address()))?.status();
            ensure!(status.is_success() || status == StatusCode::CONFLICT, "product {sku} is refused: {status}");
            skus.push(sku);
        }
        Ok(skus)
    }

    /// Products of the catalogue that can be ordered.
    ///
    /// # Errors
    /// What the API said, or that there are none.
    pub async fn find_products(&self) -> anyhow::Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Page {
            products: Vec<Product>,
        }
        #[derive(Deserialize)]
        struct Product {
            sku: String,
            active: bool,
            available: i64,
        }
        let page: Page = self.get("api/v1/products?limit=200").await?;
        let can_be_ordered = page.products.into_iter().filter(|product| product.active && product.available > 0);
        let skus: Vec<String> = can_be_ordered.map(|product| product.sku).collect();
        if skus.is_empty() {
            bail!("no product is in stock: --products 50 makes some, or see `orders products create --help`");
        }
        Ok(skus)
    }

    /// # Errors
    /// What the API said.
    pub async fn counts(&self) -> anyhow::Result<Counts> {
        #[derive(Deserialize)]
        struct Statistics {
            totals: Totals,
            notifications: std::collections::BTreeMap<String, u64>,
            events_recorded: u64,
        }
        #[derive(Deserialize)]
        struct Totals {
            confirmed: u64,
            failed: u64,
            cancelled: u64,
        }
        let statistics: Statistics = self.get("api/v1/statistics?minutes=1&days=1").await?;
        let Totals { confirmed, failed, cancelled } = statistics.totals;
        Ok(Counts {
            confirmed,
            finished: confirmed + failed + cancelled,
            notifications: statistics.notifications.values().sum(),
            events: statistics.events_recorded,
        })
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let answer = self.http.get(self.base.join(path)?).send().await;
        let answer = answer.with_context(|| format!("{} cannot be reached", self.address()))?;
        let status = answer.status();
        ensure!(status.is_success(), "GET {path} is answered by {status}");
        answer.json().await.with_context(|| format!("the answer to GET {path} cannot be read"))
    }

    /// Without a password.
    fn address(&self) -> String {
        self.base.origin().ascii_serialization()
    }
}
