//! Sends the orders, at the pace that was asked for. Called by [`super::run`].

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use time::OffsetDateTime;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinSet, LocalSet};

use super::form::body;
use super::latency::Latencies;
use super::options::Pace;
use super::schedule::{Arrival, Schedule};
use super::shop::{Answered, Outcome, Shop};

/// What is sent, and how.
#[derive(Clone)]
pub struct Sending {
    pub shop: Rc<Shop>,
    pub products: Rc<[String]>,
    pub payment_token: Option<Rc<str>>,
    pub pace: Pace,
    /// Number of the first order; a warm-up has numbers of its own.
    pub first: u64,
    pub orders: u64,
    pub bar: ProgressBar,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    pub accepted: u64,
    /// Of the accepted: by an earlier run of the same name.
    pub replayed: u64,
    pub failed: BTreeMap<String, u64>,
    pub retries: u64,
    pub latencies: Latencies,
    /// From the first order sent to the last answer.
    pub took: Duration,
    /// When the first order was made, by the API's clock.
    pub first_created: Option<OffsetDateTime>,
}

impl Sent {
    /// Orders that this run has made.
    pub fn fresh(&self) -> u64 {
        self.accepted - self.replayed
    }

    fn add(&mut self, due: Instant, answered: Answered) {
        self.latencies.record(due, Instant::now());
        self.retries += u64::from(answered.retries);
        match answered.outcome {
            Outcome::Accepted { created_at, replayed } => {
                self.accepted += 1;
                self.replayed += u64::from(replayed);
                self.first_created = Some(self.first_created.map_or(created_at, |first| first.min(created_at)));
            }
            Outcome::Failed(why) => *self.failed.entry(why).or_default() += 1,
        }
    }
}

/// Sends all orders and waits for every answer.
pub async fn send(sending: Sending) -> Sent {
    let sent = Rc::new(RefCell::new(Sent::default()));
    let started = Instant::now();
    let local = LocalSet::new();
    match sending.pace {
        Pace::Closed { connections } => local.run_until(closed(&sending, connections, &sent)).await,
        Pace::Rate { per_second, connections } => {
            local.run_until(open(&sending, per_second, connections, started, &sent)).await
        }
    }
    let mut sent = sent.take();
    sent.took = started.elapsed();
    sent
}

async fn closed(sending: &Sending, connections: usize, sent: &Rc<RefCell<Sent>>) {
    let next = Rc::new(Cell::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let (sending, sent, next) = (sending.clone(), Rc::clone(sent), Rc::clone(&next));
        clients.spawn_local(async move {
            while next.get() < sending.orders {
                let number = next.replace(next.get() + 1);
                submit(&sending, &sent, number, Instant::now()).await;
            }
        });
    }
    while clients.join_next().await.is_some() {}
}

/// Arrivals never wait for each other, but only so many are on the wire; the others queue, and the wait counts.
async fn open(sending: &Sending, per_second: f64, connections: usize, started: Instant, sent: &Rc<RefCell<Sent>>) {
    let (announce, mut arrivals) = mpsc::unbounded_channel();
    Schedule::new(started, per_second).announce(sending.orders, announce);
    let places = Rc::new(Semaphore::new(connections));
    let mut clients = JoinSet::new();
    while let Some(Arrival { number, due }) = arrivals.recv().await {
        let (sending, sent, places) = (sending.clone(), Rc::clone(sent), Rc::clone(&places));
        clients.spawn_local(async move {
            let _place = places.acquire().await;
            submit(&sending, &sent, number, due).await;
        });
        while clients.try_join_next().is_some() {}
    }
    while clients.join_next().await.is_some() {}
}

async fn submit(sending: &Sending, sent: &RefCell<Sent>, number: u64, due: Instant) {
    let number = sending.first + number;
    let body = body(number, &sending.products, sending.payment_token.as_deref());
    let answered = sending.shop.submit(number, body).await;
    sent.borrow_mut().add(due, answered);
    sending.bar.inc(1);
}
