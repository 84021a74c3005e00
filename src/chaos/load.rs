//! The load: orders at a steady rate whatever the fleet answers (open loop), by HTTP through every API with an idempotency key, and
//! straight over AMQP; some of them twice, and some of them cancelled or shipped afterwards ([`super::after`]). A client without an answer asks again with the same key. Run by [`super::run`].

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use fastrand::Rng;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use super::after::After;
use super::book::{Book, Way};
use super::shop::{Product, Wish};
use crate::contract::Outgoing;
use crate::contract::order::SUBMITTED;
use crate::domain::OrderId;
use crate::intake::BrokerPublisher;
use crate::intake::relay::PublishBatch;
use crate::messaging::Verdict;
use crate::topology::names;

/// Longer than any outage of the schedule with the recovery after it.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// Pause before a client asks again.
pub(super) const AGAIN: Duration = Duration::from_millis(300);
/// Longest that a client waits for one answer, and what the hasty wait, so that answers get lost.
pub(super) const ANSWER: Duration = Duration::from_secs(15);
const HASTY: Duration = Duration::from_millis(20);
/// Per cent of the orders that go over AMQP; of the orders that are sent twice; of the clients that are hasty.
const BY_AMQP: u8 = 20;
const TWICE: u8 = 8;
const IN_HASTE: u8 = 4;

pub struct Load {
    pub book: Book,
    pub products: Vec<Product>,
    pub(super) http: Client,
    pub(super) apis: Vec<String>,
    publisher: BrokerPublisher,
}

impl Load {
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(apis: Vec<String>, products: Vec<Product>, publisher: BrokerPublisher) -> anyhow::Result<Self> {
        let http = Client::builder().no_proxy().tls_certs_only([]).build()?;
        Ok(Self { book: Book::default(), products, http, apis, publisher })
    }

    /// Puts the products into the catalogue.
    ///
    /// # Errors
    /// When the API refuses one.
    pub async fn stock_up(&self) -> anyhow::Result<()> {
        for Product { sku, cents, stock } in &self.products {
            let price = f64::from(*cents) / 100.0;
            let body = serde_json::json!({"sku": sku, "name": sku, "price": price, "stock": stock});
            let answer = self.http.post(format!("{}/api/v1/products", self.apis[0])).json(&body).send().await?;
            answer.error_for_status().with_context(|| format!("product {sku} cannot be made"))?;
        }
        Ok(())
    }

    /// Submits until the time is over; answers the clients that still wait.
    pub async fn run(self: Arc<Self>, rate: f64, seed: u64, until: Instant) -> JoinSet<()> {
        let mut random = Rng::with_seed(seed);
        let mut clients = JoinSet::new();
        let mut ticks = interval(Duration::from_secs_f64(1.0 / rate));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        self.book.open();
        while Instant::now() < until {
            ticks.tick().await;
            let wish = Wish::draw(&mut random, &self.products);
            let by_amqp = random.u8(..100) < BY_AMQP;
            let twice = random.u8(..100) < TWICE;
            let hasty = random.u8(..100) < IN_HASTE;
            let after = After::draw(&mut random);
            let load = Arc::clone(&self);
            clients.spawn(async move {
                load.book.wait();
                let id = match by_amqp {
                    true => load.by_amqp(&wish, twice).await,
                    false => load.by_http(&wish, twice, hasty).await,
                };
                if let (Some(id), Some(after)) = (id, after) {
                    load.go_on(id, after).await;
                }
                load.book.served();
            });
            while clients.try_join_next().is_some() {}
        }
        self.book.close();
        clients
    }

    async fn by_http(&self, wish: &Wish, twice: bool, hasty: bool) -> Option<Uuid> {
        let key = Uuid::new_v4().to_string();
        if !twice {
            return self.submit(wish, &key, hasty).await;
        }
        self.book.duplicate_sent();
        let (first, second) = tokio::join!(self.submit(wish, &key, hasty), self.submit(wish, &key, false));
        if let (Some(first), Some(second)) = (first, second)
            && first != second
        {
            self.book.problem(format!("one idempotency key made two orders, {first} and {second}"));
        }
        first.or(second)
    }

    /// Asks until there is an answer; answers the order's id.
    pub async fn submit(&self, wish: &Wish, key: &str, hasty: bool) -> Option<Uuid> {
        let form = wish.form();
        let give_up = Instant::now() + PATIENCE;
        let mut place = fastrand::usize(..self.apis.len());
        let mut patience = if hasty { HASTY } else { ANSWER };
        while Instant::now() < give_up {
            let url = format!("{}/api/v1/orders", self.apis[place % self.apis.len()]);
            place += 1;
            let request = self.http.post(url).header("Idempotency-Key", key).json(&form).timeout(patience);
            patience = ANSWER;
            match self.ask(request).await {
                Answer::Accepted(id) => {
                    self.book.accept(id, Way::Http);
                    return Some(id);
                }
                Answer::Refused => return None,
                Answer::Again(pause) => sleep(pause).await,
            }
        }
        self.book.problem(format!("no answer within {} s under the key {key}", PATIENCE.as_secs()));
        None
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                self.book.answered(if error.is_connect() { "no connection" } else { "no answer" });
                return Answer::Again(AGAIN);
            }
        };
        let status = response.status();
        let pause = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let Ok(body) = response.text().await else {
            self.book.answered("half an answer");
            return Answer::Again(AGAIN);
        };
        self.book.answered(status.as_u16().to_string());
        if status == StatusCode::SERVICE_UNAVAILABLE && pause.is_none() {
            self.book.problem(format!("503 without Retry-After: {body}"));
        }
        match status {
            StatusCode::ACCEPTED => {
                let order: Value = serde_json::from_str(&body).unwrap_or_default();
                match order["id"].as_str().and_then(|id| Uuid::parse_str(id).ok()) {
                    Some(id) => Answer::Accepted(id),
                    None => {
                        self.book.problem(format!("202 without an order: {body}"));
                        Answer::Refused
                    }
                }
            }
            StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Answer::Again(AGAIN),
            _ if status.is_server_error() => Answer::Again(pause.map_or(AGAIN, Duration::from_secs)),
            _ => {
                self.book.problem(format!("a good order was answered by {status}: {body}"));
                Answer::Refused
            }
        }
    }

    /// Publishes until the broker has confirmed it.
    async fn by_amqp(&self, wish: &Wish, twice: bool) -> Option<Uuid> {
        let id = Uuid::now_v7();
        let order = OrderId(id);
        let made = Outgoing::json(
            order.message_id(SUBMITTED),
            names::ORDERS,
            names::PROCESS,
            "order.submitted",
            &wish.message(id),
        );
        let message = made.ok()?;
        let message = message.correlated(Some(&id.to_string()));
        let mut messages = vec![message.clone()];
        if twice {
            self.book.duplicate_sent();
            messages.push(message);
        }
        let give_up = Instant::now() + PATIENCE;
        while Instant::now() < give_up {
            match self.publisher.publish(&messages).await {
                Ok(verdicts) if verdicts.iter().all(|verdict| *verdict == Verdict::Stored) => {
                    self.book.answered("confirmed by the broker");
                    self.book.accept(id, Way::Amqp);
                    return Some(id);
                }
                Ok(_) | Err(_) => self.book.answered("not confirmed by the broker"),
            }
            sleep(AGAIN).await;
        }
        self.book.problem(format!("the broker did not confirm order {id} within {} s", PATIENCE.as_secs()));
        None
    }

    /// How long it takes from now until an order is confirmed.
    pub async fn probe(&self) -> Option<Duration> {
        let started = Instant::now();
        self.book.wait();
        let id = self.submit(&Wish::probe(&self.products), &Uuid::new_v4().to_string(), false).await;
        self.book.served();
        let id = id?;
        let mut place = 0;
        while started.elapsed() < PATIENCE {
            let url = format!("{}/api/v1/orders/{id}", self.apis[place % self.apis.len()]);
            place += 1;
            let answer = self.http.get(url).timeout(Duration::from_secs(5)).send().await;
            if let Ok(answer) = answer
                && let Ok(order) = answer.json::<Value>().await
                && order["status"] == "confirmed"
            {
                return Some(started.elapsed());
            }
            sleep(Duration::from_millis(50)).await;
        }
        None
    }
}

enum Answer {
    Accepted(Uuid),
    Refused,
    Again(Duration),
}
