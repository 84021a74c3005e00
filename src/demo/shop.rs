//! The fleet's HTTP API as a customer, a shopkeeper and an operator use it. Used by every part that orders, watches or judges.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::catalogue::NewProduct;
use super::management::client;
use crate::domain::{Money, Order, OrderId};

/// Well above what fifty orders at once take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(15);
/// The API's largest page; the demonstration has fewer orders and products than that.
const PAGE: &str = "limit=200";

#[derive(Clone)]
pub struct Shop {
    http: Client,
    base: Url,
    token: String,
}

#[derive(Debug, Deserialize)]
pub struct Product {
    pub sku: String,
    pub on_hand: i64,
    pub reserved: i64,
    pub available: i64,
}

/// `GET /api/v1/statistics`, as far as it is told here.
#[derive(Debug, Deserialize)]
pub struct Statistics {
    pub totals: Totals,
    pub failures: BTreeMap<String, i64>,
    pub notifications: BTreeMap<String, i64>,
    pub events_recorded: i64,
}

#[derive(Debug, Deserialize)]
pub struct Totals {
    pub created: i64,
    pub confirmed: i64,
    pub failed: i64,
    pub revenue: Money,
}

impl Shop {
    /// `token`: an admin's, who may play all parts.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn at(address: SocketAddr, token: &str) -> anyhow::Result<Self> {
        let base = Url::parse(&format!("http://{address}"))?;
        Ok(Self { http: client(&base, DEADLINE)?, base, token: token.to_owned() })
    }

    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// # Errors
    /// With the parts that are not ready.
    pub async fn is_ready(&self) -> anyhow::Result<()> {
        let answer = self.http.get(self.base.join("/health/ready")?).send().await?;
        if answer.status() == StatusCode::OK {
            return Ok(());
        }
        let report: Value = answer.json().await?;
        let waiting: Vec<String> = report["parts"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(part, why)| why.as_str().map(|why| format!("{part}: {why}")))
            .collect();
        bail!("not ready: {}", waiting.join(", "))
    }

    /// # Errors
    /// What the API said.
    pub async fn create(&self, product: &NewProduct) -> anyhow::Result<()> {
        let body = json!({
            "sku": product.sku, "name": product.name, "price": product.price(), "stock": product.stock,
            "low_stock_threshold": product.low_stock_threshold,
        });
        self.post("/api/v1/products", &body).await.map(drop)
    }

    /// # Errors
    /// What the API said.
    pub async fn submit(&self, order: &Value) -> anyhow::Result<OrderId> {
        let accepted: Order = serde_json::from_value(self.post("/api/v1/orders", order).await?)?;
        Ok(accepted.id)
    }

    /// # Errors
    /// What the API said.
    pub async fn orders(&self) -> anyhow::Result<Vec<Order>> {
        #[derive(Deserialize)]
        struct Page {
            orders: Vec<Order>,
        }
        Ok(self.get::<Page>(&format!("/api/v1/orders?{PAGE}")).await?.orders)
    }

    /// One order with its saga and its timeline.
    ///
    /// # Errors
    /// What the API said.
    pub async fn order(&self, id: OrderId) -> anyhow::Result<Value> {
        self.get(&format!("/api/v1/orders/{id}")).await
    }

    /// # Errors
    /// What the API said.
    pub async fn products(&self) -> anyhow::Result<Vec<Product>> {
        #[derive(Deserialize)]
        struct Page {
            products: Vec<Product>,
        }
        Ok(self.get::<Page>(&format!("/api/v1/products?{PAGE}")).await?.products)
    }

    /// # Errors
    /// What the API said.
    pub async fn statistics(&self) -> anyhow::Result<Statistics> {
        self.get("/api/v1/statistics").await
    }

    /// How often the payment-service has put a message on its retry ladder, by its own metric.
    ///
    /// # Errors
    /// When the metrics cannot be read.
    pub async fn payment_retries(&self) -> anyhow::Result<usize> {
        let text = self.http.get(self.base.join("/metrics")?).send().await?.text().await?;
        Ok(counter(&text, r#"fleet_messages_total{consumer="payment-service",outcome="retried"}"#))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let answer = self
            .http
            .get(self.base.join(path)?)
            .bearer_auth(&self.token)
            .send()
            .await
            .with_context(|| format!("GET {path}"))?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "GET {path} is answered by {status}: {text}");
        serde_json::from_str(&text).with_context(|| format!("the answer to GET {path} cannot be read"))
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let sent = self.http.post(self.base.join(path)?).bearer_auth(&self.token).json(body).send().await;
        let answer = sent.with_context(|| format!("POST {path}"))?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "POST {path} is answered by {status}: {text}");
        serde_json::from_str(&text).with_context(|| format!("the answer to POST {path} cannot be read"))
    }
}

/// A counter in the Prometheus text format; 0 while it was never counted.
fn counter(text: &str, name: &str) -> usize {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::counter;

    #[test]
    fn a_counter_is_found_by_its_whole_name() {
        let text = "# HELP a_total\na_total{b=\"c\"} 3\na_total{b=\"cd\"} 4\n";
        assert_eq!(counter(text, "a_total{b=\"cd\"}"), 4);
        assert_eq!(counter(text, "a_total{b=\"x\"}"), 0);
    }
}
