//! The poll, and the handle by which streams are opened.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::customers::CustomerWatchers;
use super::orders::OrderWatchers;
use super::pace::{Found, Pace};
use super::places::{Full, Places};
use super::watcher::{Rhythm, Watch, Watcher, pair};
use crate::domain::{CustomerId, OrderId};
use crate::telemetry::metrics;

/// A look that takes longer is broken off: its statements read some hundred rows by index.
const LOOK: Duration = Duration::from_secs(10);
/// Updates that wait for a client; more stay in the database.
const BUFFER: usize = 256;

/// What a stream tells about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    Order(OrderId),
    Customer(CustomerId),
}

/// What one process takes on. The defaults are what is served.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Streams in all.
    pub streams: usize,
    /// Streams of one order or customer: a link that is passed around must not take every place.
    pub per_subject: usize,
    /// Longest that a client may take nothing while there is something.
    pub patience: Duration,
    /// Between two signs of life: below the usual 60 s after which proxies give up.
    pub heartbeat: Duration,
    /// Longest life of one stream.
    pub lifetime: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 5_000,
            per_subject: 100,
            patience: Duration::from_secs(10),
            heartbeat: Duration::from_secs(15),
            lifetime: Duration::from_secs(30 * 60),
        }
    }
}

/// Somebody who wants to watch, on the way to the poll.
#[derive(Debug)]
struct Newcomer {
    subject: Subject,
    watcher: Watcher,
    starts_now: bool,
}

/// Opens streams. All clones belong to one poll.
#[derive(Clone, Debug)]
pub struct Tracking {
    limits: Limits,
    places: Arc<Places>,
    newcomers: mpsc::UnboundedSender<Newcomer>,
    /// Until the poll takes it.
    arriving: Arc<Mutex<mpsc::UnboundedReceiver<Newcomer>>>,
    closing: CancellationToken,
    /// Streams that outlive their request (WebSocket).
    pub open: TaskTracker,
}

impl Tracking {
    /// Streams end when `closing` is cancelled.
    pub fn new(limits: Limits, closing: CancellationToken) -> Self {
        // as many as there are places
        let (newcomers, arriving) = mpsc::unbounded_channel();
        let places = Places::new(limits.streams, limits.per_subject);
        Self { limits, places, newcomers, arriving: Arc::new(Mutex::new(arriving)), closing, open: TaskTracker::new() }
    }

    /// A stream of what comes after a position; without one, of an order from its beginning, of a customer from now on.
    ///
    /// # Errors
    /// When there is no place for it.
    pub fn watch(&self, subject: Subject, after: Option<i64>) -> Result<Watch, Full> {
        let place = self.places.take(&subject)?;
        let starts_now = after.is_none() && matches!(subject, Subject::Customer(_));
        let rhythm = Rhythm { heartbeat: self.limits.heartbeat, lifetime: self.limits.lifetime };
        let (watcher, watch) = pair(after.unwrap_or(0), BUFFER, rhythm, self.closing.clone(), place);
        // the poll only ends when everything does, and then the stream says so
        self.newcomers.send(Newcomer { subject, watcher, starts_now }).ok();
        Ok(watch)
    }

    /// Streams that are open in this process.
    pub fn streams(&self) -> usize {
        self.places.count()
    }

    /// Serves everybody until the end; returns when the last WebSocket is closed. One at a time runs.
    pub async fn run(self, db: PgPool) {
        let mut arriving = self.arriving.lock().await;
        let mut poll =
            Poll { db, orders: OrderWatchers::default(), customers: CustomerWatchers::default(), is_away: false };
        let mut pace = Pace::default();
        let mut took = Duration::ZERO;
        let mut pause = Duration::ZERO;
        loop {
            let idle = poll.is_idle();
            let newcomer = tokio::select! {
                () = self.closing.cancelled() => break,
                () = tokio::time::sleep(pause), if !idle => None,
                newcomer = arriving.recv() => newcomer,
            };
            if let Some(newcomer) = newcomer {
                poll.admit(newcomer);
                tokio::time::sleep(pace.for_newcomers(took)).await;
                while let Ok(newcomer) = arriving.try_recv() {
                    poll.admit(newcomer);
                }
            }
            poll.tidy(self.limits.patience);
            let started = Instant::now();
            let found = poll.look().await;
            took = started.elapsed();
            pause = pace.after(found, took);
        }
        self.open.close();
        self.open.wait().await;
    }
}

struct Poll {
    db: PgPool,
    orders: OrderWatchers,
    customers: CustomerWatchers,
    /// The last look failed, which has been logged.
    is_away: bool,
}

impl Poll {
    fn is_idle(&self) -> bool {
        self.orders.is_empty() && self.customers.is_empty()
    }

    fn admit(&mut self, newcomer: Newcomer) {
        let Newcomer { subject, watcher, starts_now } = newcomer;
        match subject {
            Subject::Order(order) => self.orders.add(order, watcher),
            Subject::Customer(customer) => self.customers.add(customer, watcher, starts_now),
        }
    }

    fn tidy(&mut self, patience: Duration) {
        let stuck = self.orders.tidy(patience) + self.customers.tidy(patience);
        if stuck > 0 {
            tracing::info!(stuck, "live streams ended: their clients take nothing");
            metrics().live_streams_stuck.inc_by(stuck as u64);
        }
    }

    /// `None` when the database is away; nobody loses anything by that.
    async fn look(&mut self) -> Option<Found> {
        if self.is_idle() {
            return Some(Found::Nothing);
        }
        let looked = timeout(LOOK, async {
            let mut conn = self.db.acquire().await?;
            let of_orders = self.orders.look(&mut conn).await?;
            Ok::<Found, sqlx::Error>(of_orders.max(self.customers.look(&mut conn).await?))
        });
        let error = match looked.await {
            Ok(Ok(found)) => {
                self.is_away = false;
                return Some(found);
            }
            Ok(Err(error)) => error,
            Err(_) => sqlx::Error::PoolTimedOut,
        };
        self.customers.start_again();
        if !std::mem::replace(&mut self.is_away, true) {
            tracing::warn!(error = &error as &dyn std::error::Error, "live tracking waits for the database");
        }
        None
    }
}

/// Lets go of those who have left and of those who are stuck; returns how many of the latter.
pub(super) fn tidy<K: Eq + Hash, W: AsRef<Watcher>>(all: &mut HashMap<K, Vec<W>>, patience: Duration) -> usize {
    let mut stuck = 0;
    all.retain(|_, watchers| {
        watchers.retain(|watcher| {
            let is_stuck = watcher.as_ref().is_stuck(patience);
            stuck += usize::from(is_stuck);
            !is_stuck && !watcher.as_ref().is_gone()
        });
        !watchers.is_empty()
    });
    stuck
}
