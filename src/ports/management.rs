//! RabbitMQ's management API, as far as the live status wants it: the rates of the queues. Optional: everything that matters is asked
//! over AMQP. Called by `ops::status`; made by `config::management`.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::{Client, Url};
use serde::Deserialize;
use time::OffsetDateTime;

use crate::contract::status::QueueRates;

/// Longest wait for an answer: a status without rates is better than a late one.
const DEADLINE: Duration = Duration::from_secs(2);
/// Most queues of one answer; the fleet has some forty.
const PAGE: &str = "500";
/// All that is read of a queue: its whole page has some kilobytes.
const COLUMNS: &str = "name,state,messages_unacknowledged,message_stats.publish_details.rate,\
                       message_stats.deliver_get_details.rate,head_message_timestamp";

#[derive(Debug, thiserror::Error)]
pub enum ManagementError {
    #[error("AMQP_MANAGEMENT_URL must be an address, as in http://user:password@127.0.0.1:15672")]
    Address,
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
    #[error("the management API does not answer")]
    Silent(#[source] reqwest::Error),
    #[error("the management API refuses: {0}")]
    Refused(reqwest::StatusCode),
}

/// The management API, for the queues of one virtual host.
pub struct Management {
    http: Client,
    /// With user and password, which are in no message of ours.
    queues: Url,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    name: String,
    state: Option<String>,
    messages_unacknowledged: Option<u64>,
    #[serde(default)]
    message_stats: Stats,
    #[serde(default)]
    head_message_timestamp: serde_json::Value,
}

#[derive(Default, Deserialize)]
struct Stats {
    publish_details: Option<Details>,
    deliver_get_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    rate: Option<f64>,
}

impl Management {
    /// # Errors
    /// [`ManagementError::Address`] when the address is none of HTTP.
    pub fn new(address: &str, virtual_host: &str) -> Result<Self, ManagementError> {
        let mut queues = Url::parse(address).map_err(|_| ManagementError::Address)?;
        if !matches!(queues.scheme(), "http" | "https") {
            return Err(ManagementError::Address);
        }
        let mut builder = Client::builder().timeout(DEADLINE).redirect(reqwest::redirect::Policy::none());
        if queues.scheme() == "http" {
            // A minimal system has no root certificates, and plain HTTP needs none.
            builder = builder.tls_certs_only([]);
        }
        if matches!(queues.host_str(), Some("127.0.0.1" | "localhost" | "[::1]")) {
            // A proxy of the environment cannot mean this machine.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(ManagementError::Client)?;
        queues.path_segments_mut().map_err(|()| ManagementError::Address)?.pop_if_empty().extend([
            "api",
            "queues",
            virtual_host,
        ]);
        queues.query_pairs_mut().extend_pairs([("page", "1"), ("page_size", PAGE), ("columns", COLUMNS)]);
        Ok(Self { http, queues })
    }

    /// The rates by queue.
    ///
    /// # Errors
    /// When the API is away, or not for this user.
    pub async fn rates(&self) -> Result<HashMap<String, QueueRates>, ManagementError> {
        let silent = |error: reqwest::Error| ManagementError::Silent(error.without_url());
        let answer = self.http.get(self.queues.clone()).send().await.map_err(silent)?;
        if !answer.status().is_success() {
            return Err(ManagementError::Refused(answer.status()));
        }
        let page: Page = answer.json().await.map_err(silent)?;
        let now = OffsetDateTime::now_utc();
        Ok(page.items.into_iter().map(|item| (item.name.clone(), rates(item, now))).collect())
    }
}

fn rates(item: Item, now: OffsetDateTime) -> QueueRates {
    let rate = |details: Option<Details>| details.and_then(|details| details.rate);
    // An empty string where there is none.
    let head = item.head_message_timestamp.as_i64().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    QueueRates {
        state: item.state,
        unacknowledged: item.messages_unacknowledged,
        published_per_second: rate(item.message_stats.publish_details),
        delivered_per_second: rate(item.message_stats.deliver_get_details),
        head_seconds: head.map(|at| (now - at).as_seconds_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_host_is_escaped_and_a_wrong_address_is_not_repeated() {
        let management = Management::new("http://user:secret@127.0.0.1:15672/", "/").expect("an address");
        assert_eq!(management.queues.path(), "/api/queues/%2F");
        for wrong in ["", "amqp://user:secret@host", "user:secret"] {
            let error = Management::new(wrong, "/").err().expect("wrong").to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_a_queue_does_not_tell_is_left_out() {
        let item = |text| serde_json::from_str::<Item>(text).expect("a queue");
        let idle = item(r#"{"name": "a", "state": "running", "head_message_timestamp": ""}"#);
        let expected = QueueRates { state: Some("running".to_owned()), ..QueueRates::default() };
        assert_eq!(rates(idle, OffsetDateTime::UNIX_EPOCH), expected);
        let busy = item(
            r#"{"name": "a", "state": "running", "messages_unacknowledged": 3, "head_message_timestamp": 100,
                "message_stats": {"publish_details": {"rate": 2.5}}}"#,
        );
        let rates = rates(busy, OffsetDateTime::from_unix_timestamp(160).expect("a time"));
        assert_eq!((rates.unacknowledged, rates.published_per_second), (Some(3), Some(2.5)));
        assert_eq!((rates.delivered_per_second, rates.head_seconds), (None, Some(60.0)));
    }
}
