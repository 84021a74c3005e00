//! What there is at the end, from the outside: the API's answers, the command line's answers and the files of the channels. Gathered by
//! [`super::run`], judged by [`super::expectations`], shown by [`super::report`].

use std::path::Path;
use std::time::Duration;

use super::programs::Programs;
use super::repair::{Letter, list};
use super::shop::{Product, Shop, Statistics};
use super::submit::ByAmqp;
use crate::contract::read_moment;
use crate::domain::notification::Channel;
use crate::domain::{Money, Order, OrderId, OrderStatus};

/// What happened on the way.
pub struct Story {
    /// What the second run of `setup` said.
    pub second_setup: String,
    pub out_of_stock: OrderId,
    pub declined: OrderId,
    pub retried: OrderId,
    pub by_http: Vec<OrderId>,
    pub by_command_line: Vec<OrderId>,
    pub by_amqp: ByAmqp,
    /// What went wrong while the dead letters were repaired.
    pub trouble: Option<String>,
}

/// What was found.
pub struct Facts {
    pub orders: Vec<Order>,
    pub products: Vec<Product>,
    pub statistics: Statistics,
    pub letters: Vec<Letter>,
    pub payment_retries: usize,
    /// From submitted to settled.
    pub retried_took: Option<Duration>,
    pub files: [(Channel, usize); 3],
}

/// # Errors
/// When one of the sources does not answer.
pub async fn gather(story: &Story, shop: &Shop, programs: &Programs, folder: &Path) -> anyhow::Result<Facts> {
    let retried = shop.order(story.retried).await?;
    let seconds_of = |event: Option<&serde_json::Value>| {
        let at = event?.get("at")?.as_str()?;
        read_moment(at).ok()
    };
    let timeline = retried["timeline"].as_array();
    let first = seconds_of(timeline.and_then(|events| events.first()));
    let last = seconds_of(timeline.and_then(|events| events.last()));
    Ok(Facts {
        orders: shop.orders().await?,
        products: shop.products().await?,
        statistics: shop.statistics().await?,
        letters: list(programs).await?,
        payment_retries: shop.payment_retries().await?,
        retried_took: first.zip(last).and_then(|(first, last)| Duration::try_from(last - first).ok()),
        files: [
            (Channel::Email, files_in(&folder.join("mail"), "eml")),
            (Channel::Sms, files_in(&folder.join("sms"), "json")),
            (Channel::Push, files_in(&folder.join("push"), "json")),
        ],
    })
}

impl Facts {
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.orders.iter().find(|order| order.id == id)
    }

    /// `confirmed`, `failed (out_of_stock)` or `unknown`.
    pub fn status(&self, id: OrderId) -> String {
        match self.order(id) {
            None => "unknown".to_owned(),
            Some(order) => match &order.reason {
                None => order.status.to_string(),
                Some(reason) => format!("{} ({reason})", order.status),
            },
        }
    }

    pub fn confirmed(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| order.status == OrderStatus::Confirmed)
    }

    /// Units in confirmed orders.
    pub fn sold(&self, sku: &str) -> i64 {
        let items = self.confirmed().flat_map(|order| &order.items);
        items.filter(|item| item.sku.as_str() == sku).map(|item| i64::from(item.quantity)).sum()
    }

    /// Sum of the confirmed orders; `None` beyond what money can hold.
    pub fn turnover(&self) -> Option<Money> {
        self.confirmed().try_fold(Money::ZERO, |sum, order| sum.plus(order.total).ok())
    }

    pub fn delivered(&self, channel: Channel) -> i64 {
        self.statistics.notifications.get(channel.as_str()).copied().unwrap_or_default()
    }

    pub fn letter(&self, reason: &str) -> Option<&Letter> {
        self.letters.iter().find(|letter| letter.reason == reason)
    }
}

/// Files with this extension; a folder that is not there has none.
fn files_in(folder: &Path, extension: &str) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|found| found == extension)).count()
}
