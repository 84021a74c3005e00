//! Messages by queue, from the broker's own counters. Used by [`super::play`].

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The broker refreshes its figures every five seconds (collect_statistics_interval), each queue its own a little later.
const REFRESH: Duration = Duration::from_secs(6);

/// Counted since the broker's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueFigures {
    pub published: f64,
    pub delivered: f64,
    /// Of the delivered: acknowledged.
    pub acked: f64,
}

/// Everything that passed the broker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// Messages that clients published; one of them may reach several queues.
    pub published: f64,
    pub queues: BTreeMap<String, QueueFigures>,
}

impl Traffic {
    /// Waits until the figures tell everything that has happened by now, and reads them.
    ///
    /// # Errors
    /// When the management API does not answer.
    pub async fn read(management_url: &str) -> anyhow::Result<Self> {
        tokio::time::sleep(REFRESH).await;
        let http = Client::builder().no_proxy().tls_certs_only([]).timeout(Duration::from_secs(10)).build()?;
        let base = Url::parse(management_url).context("AMQP_MANAGEMENT_URL cannot be read")?;
        let get = async |path: &str| -> anyhow::Result<Value> {
            let answer = http.get(base.join(path)?).send().await.map_err(reqwest::Error::without_url)?;
            Ok(answer.error_for_status().map_err(reqwest::Error::without_url)?.json().await?)
        };
        let overview = get("api/overview").await?;
        let mut traffic = Self { published: number(&overview, "publish"), queues: BTreeMap::new() };
        for queue in get("api/queues").await?.as_array().into_iter().flatten() {
            let figures = QueueFigures {
                published: number(queue, "publish"),
                delivered: number(queue, "deliver_get"),
                acked: number(queue, "ack"),
            };
            traffic.queues.insert(queue["name"].as_str().unwrap_or_default().to_owned(), figures);
        }
        Ok(traffic)
    }

    /// What passed since, per order.
    #[must_use]
    pub fn since(&self, before: &Self, orders: u64) -> Self {
        let orders = orders.max(1) as f64;
        let mut passed = Self { published: (self.published - before.published) / orders, queues: BTreeMap::new() };
        for (name, now) in &self.queues {
            let then = before.queues.get(name).copied().unwrap_or_default();
            let figures = QueueFigures {
                published: (now.published - then.published) / orders,
                delivered: (now.delivered - then.delivered) / orders,
                acked: (now.acked - then.acked) / orders,
            };
            if figures != QueueFigures::default() {
                passed.queues.insert(name.clone(), figures);
            }
        }
        passed
    }

    /// Into queues.
    pub fn enqueued(&self) -> f64 {
        self.queues.values().map(|queue| queue.published).sum()
    }

    pub fn acked(&self) -> f64 {
        self.queues.values().map(|queue| queue.acked).sum()
    }
}

fn number(figures: &Value, name: &str) -> f64 {
    figures["message_stats"][name].as_f64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_per_order_and_silent_queues_left_out() {
        let queue = |published| QueueFigures { published, delivered: published, acked: published };
        let before =
            Traffic { published: 10.0, queues: [("a".to_owned(), queue(10.0)), ("b".to_owned(), queue(5.0))].into() };
        let now =
            Traffic { published: 30.0, queues: [("a".to_owned(), queue(40.0)), ("b".to_owned(), queue(5.0))].into() };
        let passed = now.since(&before, 10);
        assert_eq!((passed.published, passed.enqueued(), passed.acked()), (2.0, 3.0, 3.0));
        assert_eq!(passed.queues.len(), 1);
    }
}
