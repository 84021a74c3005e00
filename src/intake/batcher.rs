//! Group commit: orders that arrive while a transaction is being written share the next one. Called by the HTTP handlers
//! through [`Intake::submit`]; the writers run for as long as an [`Intake`] exists.
//!
//! A commit costs the same for one order as for hundreds, so under load the batches grow and the rate with them, while a single
//! order waits for nobody.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use sqlx::PgPool;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::accept::{Refused, Submission, Verdict, accept_all};
use super::idempotency::{InFlight, Ticket};
use super::listings::Listings;
use super::relay::OutboxWake;
use crate::store::{KeptConnection, is_contention, is_outage};

/// Under load a batch is given this long to grow. That there is load, the batch before tells: more orders than this came while the one
/// before it was written.
const GATHER: Duration = Duration::from_millis(4);
const BUSY: usize = 16;

/// How much may wait, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct IntakeLimits {
    /// Orders that wait for a writer; one more is refused at once.
    pub waiting: usize,
    /// Orders in one transaction.
    pub batch: usize,
    /// Transactions at the same time: while one waits for its commit, the next is being filled.
    pub writers: usize,
    /// Longest wait of one order for its answer.
    pub answer: Duration,
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest wait for one transaction.
    pub commit: Duration,
}

impl Default for IntakeLimits {
    /// `waiting` holds what the writer commits in about half a second; `answer` stays below the usual 10 s of HTTP clients and
    /// above one failed `connect` and one `commit`.
    fn default() -> Self {
        Self {
            waiting: 4096,
            batch: 256,
            writers: 1,
            answer: Duration::from_secs(6),
            connect: Duration::from_secs(2),
            commit: Duration::from_secs(3),
        }
    }
}

/// The way in for orders. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Intake {
    queue: mpsc::Sender<Waiting>,
    in_flight: InFlight,
    answer: Duration,
    wake: OutboxWake,
}

/// The tasks behind an [`Intake`]. Dropping this stops them at once; [`Writers::finished`] lets them finish.
#[derive(Debug)]
pub struct Writers(JoinSet<()>);

impl Writers {
    /// Waits until every clone of the intake is dropped and every waiting order is answered: for a clean shutdown.
    pub async fn finished(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

#[derive(Debug)]
struct Waiting {
    submission: Submission,
    /// Holds the key until the answer is known, even when the client has gone.
    ticket: Option<Ticket>,
    until: Instant,
    reply: oneshot::Sender<Verdict>,
}

impl Waiting {
    fn is_awaited(&self) -> bool {
        !self.reply.is_closed() && Instant::now() < self.until
    }

    fn answer(self, verdict: Verdict) {
        // the key first: who has the answer may ask again at once
        drop(self.ticket);
        // nobody to tell when the client has gone; the order stands all the same
        let _ = self.reply.send(verdict);
    }
}

impl Intake {
    /// Starts the writers. `wake` is called after every commit that left messages in the outbox.
    pub fn start(db: PgPool, wake: OutboxWake, limits: IntakeLimits) -> (Self, Writers) {
        let (queue, waiting) = mpsc::channel(limits.waiting);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut writers = JoinSet::new();
        let listings = Arc::new(Listings::default());
        for _ in 0..limits.writers {
            let db = KeptConnection::of(db.clone());
            let writer = Writer { db, listings: Arc::clone(&listings), wake: wake.clone(), limits };
            writers.spawn(writer.run(waiting.clone()));
        }
        (Self { queue, in_flight: InFlight::default(), answer: limits.answer, wake }, Writers(writers))
    }

    /// To be called after a commit that left messages in the outbox.
    pub fn wake_relay(&self) {
        self.wake.wake();
    }

    /// Accepts one order; answers within [`IntakeLimits::answer`] whatever happens.
    ///
    /// # Errors
    /// [`Refused`] says why no order was made, and whether asking again helps.
    pub async fn submit(&self, submission: Submission) -> Verdict {
        if !submission.form.unknown.is_empty() {
            return Err(Refused::Invalid(submission.form.unknown));
        }
        let ticket = match &submission.key {
            Some(key) => Some(self.in_flight.claim(key).ok_or(Refused::KeyInFlight)?),
            None => None,
        };
        let until = Instant::now() + self.answer;
        let (reply, verdict) = oneshot::channel();
        self.queue.try_send(Waiting { submission, ticket, until, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Refused::Unavailable,
        })?;
        match timeout_at(until, verdict).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(_)) => Err(Refused::Internal),
            Err(_) => Err(Refused::Unavailable),
        }
    }
}

struct Writer {
    db: KeptConnection,
    listings: Arc<Listings>,
    wake: OutboxWake,
    limits: IntakeLimits,
}

/// Why a transaction did not happen.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("no connection to the database")]
    NoConnection(#[source] sqlx::Error),
    #[error("the database did not answer in time")]
    TooSlow,
    #[error("the transaction failed")]
    Transaction(#[from] sqlx::Error),
    #[error("the writer panicked")]
    Panicked,
}

impl Failed {
    /// Whether the fault is one of the orders', so that the others deserve another try without it.
    fn is_of_the_data(&self) -> bool {
        match self {
            Self::NoConnection(_) | Self::TooSlow => false,
            Self::Transaction(error) => !is_outage(error),
            Self::Panicked => true,
        }
    }

    fn refusal(&self) -> Refused {
        match self {
            Self::NoConnection(_) | Self::TooSlow => Refused::Unavailable,
            Self::Transaction(error) if is_outage(error) || is_contention(error) => Refused::Unavailable,
            Self::Transaction(_) | Self::Panicked => Refused::Internal,
        }
    }
}

impl Writer {
    async fn run(self, waiting: Arc<Mutex<mpsc::Receiver<Waiting>>>) {
        let mut is_busy = false;
        loop {
            let mut batch = Vec::with_capacity(self.limits.batch);
            // the lock is held while waiting, not while writing: the other writer collects the next batch meanwhile
            let mut arrivals = waiting.lock().await;
            if arrivals.recv_many(&mut batch, self.limits.batch).await == 0 {
                return;
            }
            if is_busy && batch.len() < self.limits.batch {
                sleep(GATHER).await;
                while batch.len() < self.limits.batch
                    && let Ok(one) = arrivals.try_recv()
                {
                    batch.push(one);
                }
            }
            drop(arrivals);
            is_busy = batch.len() > BUSY;
            batch.retain(Waiting::is_awaited);
            self.settle(batch).await;
        }
    }

    async fn settle(&self, batch: Vec<Waiting>) {
        if batch.is_empty() {
            return;
        }
        match self.commit(&batch).await {
            Ok(verdicts) => {
                for (one, verdict) in batch.into_iter().zip(verdicts) {
                    one.answer(verdict);
                }
            }
            Err(failed) if failed.is_of_the_data() && batch.len() > 1 => {
                tracing::warn!(
                    orders = batch.len(),
                    error = &failed as &dyn std::error::Error,
                    "batch failed, going one by one"
                );
                self.settle_one_by_one(batch).await;
            }
            Err(failed) => {
                tracing::error!(orders = batch.len(), error = &failed as &dyn std::error::Error, "orders not stored");
                for one in batch {
                    one.answer(Err(failed.refusal()));
                }
            }
        }
    }

    async fn settle_one_by_one(&self, batch: Vec<Waiting>) {
        let mut away = false;
        for one in batch {
            if away {
                one.answer(Err(Refused::Unavailable));
                continue;
            }
            let mut verdict = match self.commit(std::slice::from_ref(&one)).await {
                Ok(verdicts) => verdicts,
                Err(failed) => {
                    let correlation_id = &one.submission.correlation_id;
                    tracing::error!(correlation_id, error = &failed as &dyn std::error::Error, "order not stored");
                    away = !failed.is_of_the_data();
                    vec![Err(failed.refusal())]
                }
            };
            one.answer(verdict.pop().unwrap_or(Err(Refused::Internal)));
        }
    }

    /// One transaction for all of them. After a timeout nobody knows whether they are stored: asking again with the same key is safe.
    async fn commit(&self, batch: &[Waiting]) -> Result<Vec<Verdict>, Failed> {
        let mut connection = match timeout(self.limits.connect, self.db.take()).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(Failed::NoConnection(error)),
            Err(_) => return Err(Failed::TooSlow),
        };
        let submissions: Vec<&Submission> = batch.iter().map(|one| &one.submission).collect();
        let work = accept_all(&mut connection, &self.listings, &submissions);
        let verdicts = match timeout(self.limits.commit, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(done)) => done?,
            Ok(Err(_)) => return Err(Failed::Panicked),
            Err(_) => return Err(Failed::TooSlow),
        };
        connection.keep();
        if verdicts.iter().flatten().any(|acceptance| !acceptance.replayed) {
            self.wake.wake();
        }
        Ok(verdicts)
    }
}
