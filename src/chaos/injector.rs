//! Carries the schedule out: each fault at its time, and after its healing a probe order that tells how long recovery took. Run by
//! [`super::run`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::fault::{Fault, Kind};
use super::fleet::Fleet;
use super::load::Load;
use super::outage::{Outage, since};
use super::outside::Outside;
use super::servers::Servers;
use crate::intake::BrokerPublisher;

pub struct Injector {
    pub fleet: Arc<Fleet>,
    pub servers: Servers,
    pub outside: Arc<Outside>,
    pub load: Arc<Load>,
    /// Straight to the servers, not through the proxies.
    pub db: PgPool,
    pub publisher: BrokerPublisher,
    pub log: Log,
}

/// What has been done so far.
#[derive(Default)]
pub struct Log(Mutex<Entries>);

#[derive(Clone, Default)]
pub struct Entries {
    pub injected: BTreeMap<Kind, usize>,
    /// From healing to a confirmed probe order.
    pub recoveries: BTreeMap<Kind, Vec<Duration>>,
    pub outages: Vec<Outage>,
    /// Faults that could not be made, with the reason: of this machinery, not of the fleet.
    pub unmade: Vec<String>,
    /// What the fleet did wrong on the way.
    pub complaints: Vec<String>,
    pub copies: usize,
    pub active: BTreeMap<usize, String>,
}

impl Log {
    fn with<T>(&self, change: impl FnOnce(&mut Entries) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn entries(&self) -> Entries {
        self.with(|entries| entries.clone())
    }

    pub fn active(&self) -> Vec<String> {
        self.with(|entries| entries.active.values().cloned().collect())
    }

    pub fn complain(&self, words: String) {
        self.with(|entries| entries.complaints.push(words));
    }
}

impl Injector {
    pub(super) fn complain(&self, fault: &Fault, error: &anyhow::Error) {
        self.log.complain(format!("fault {} ({fault}): {error:#}", fault.number));
    }

    pub(super) fn count_copies(&self, count: usize) {
        self.log.with(|entries| entries.copies += count);
    }

    /// Returns once every fault is healed and every probe has come back.
    pub async fn run(self: Arc<Self>, faults: Vec<Fault>, started: Instant, say: fn(&str)) {
        let mut tasks = JoinSet::new();
        for fault in faults {
            sleep_until(started + fault.at).await;
            let injector = Arc::clone(&self);
            tasks.spawn(async move { injector.carry_out(&fault, say).await });
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn carry_out(&self, fault: &Fault, say: fn(&str)) {
        say(&format!("fault {}: {fault}", fault.number));
        self.log.with(|entries| {
            *entries.injected.entry(fault.kind).or_default() += 1;
            entries.active.insert(fault.number, fault.to_string());
        });
        let before = self.load.book.figures().answers;
        let done = self.inflict(fault).await;
        let answers = since(&before, &self.load.book.figures().answers);
        self.log.with(|entries| entries.active.remove(&fault.number));
        if let Err(error) = done {
            say(&format!("fault {} could not be made: {error:#}", fault.number));
            self.log.with(|entries| entries.unmade.push(format!("{error:#}")));
            return;
        }
        if fault.kind.is_outage() {
            let outage = Outage::followed(fault.kind, answers, &self.load.book, &self.db).await;
            self.log.with(|entries| entries.outages.push(outage));
        }
        match self.load.probe().await {
            Some(took) => {
                say(&format!(
                    "fault {}: healed, a new order is confirmed after {:.1} s",
                    fault.number,
                    took.as_secs_f64()
                ));
                self.log.with(|entries| entries.recoveries.entry(fault.kind).or_default().push(took));
            }
            None => self.log.complain(format!("fault {} ({fault}): no order is confirmed afterwards", fault.number)),
        }
    }
}
