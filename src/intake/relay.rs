//! The outbox relay: carries committed messages to the broker. Runs beside the HTTP API, woken in process after each commit and
//! polling otherwise, so that what a crashed process left behind goes out as well. Several may run at once.
//!
//! A message leaves the table in the transaction that saw its confirm. A crash in between publishes it again under the same id.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::{Connection, PgPool};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::contract::{Outgoing, Unroutable};
use crate::crash_points::{Boundary, crash_point};
use crate::messaging::Verdict;
use crate::store::KeptConnection;
use crate::store::outbox::{self, ParkedRow, TakenRow};

/// Tells the relay of this process that the outbox has something. A wake-up, never the data: losing one costs a poll interval.
#[derive(Clone, Debug, Default)]
pub struct OutboxWake(Arc<Notify>);

impl OutboxWake {
    pub fn wake(&self) {
        self.0.notify_one();
    }

    async fn woken(&self) {
        self.0.notified().await;
    }
}

/// The batch may or may not have arrived: it is published again later.
#[derive(Debug, thiserror::Error)]
#[error("the broker did not take the batch")]
pub struct PublishFailed(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Publishes with confirms. The messaging layer implements it. The future may be dropped half-way (deadline, shutdown): whatever
/// channel it used must not be used again then.
pub trait PublishBatch: Send + Sync {
    /// One verdict per message, in their order.
    fn publish<'a>(&'a self, messages: &'a [Outgoing]) -> BoxFuture<'a, Result<Vec<Verdict>, PublishFailed>>;
}

#[derive(Clone, Copy, Debug)]
pub struct RelayPace {
    /// Messages in one transaction.
    pub batch: i64,
    /// Pause of an idle relay that nobody wakes.
    pub poll: Duration,
    /// Rest after a round of more than [`BUSY`] messages, in which the next ones gather: a round costs much the same for a few as for many.
    pub gather: Duration,
    /// Longest wait for the confirms of one batch: a blocked broker must not hold a transaction open.
    pub confirm: Duration,
    /// Pause between two turns of the messages that the broker did not want.
    pub unpark: Duration,
    /// First and longest pause after a failure.
    pub backoff: (Duration, Duration),
}

/// More messages than this in one round tell that there is load; where there is none, no message waits for another.
const BUSY: usize = 4;

impl Default for RelayPace {
    /// The poll interval is what an order waits at most when the process that took it died; the batch is what a channel
    /// has outstanding at most; the confirm time is a fence behind the publisher's own deadline, which knows more about the cause.
    fn default() -> Self {
        Self {
            batch: 256,
            poll: Duration::from_millis(200),
            gather: Duration::from_millis(30),
            confirm: Duration::from_secs(20),
            unpark: Duration::from_secs(30),
            backoff: (Duration::from_millis(200), Duration::from_secs(3)),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("the outbox could not be read or written")]
    Database(#[from] sqlx::Error),
    #[error("the outbox could not be published")]
    Publish(#[from] PublishFailed),
    #[error("the broker did not confirm in time")]
    TooSlow,
    #[error("the publisher gave {found} verdicts on {expected} messages")]
    VerdictsMissing { expected: usize, found: usize },
}

/// What one round did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Round {
    pub published: usize,
    pub parked: usize,
}

impl Round {
    fn taken(self) -> usize {
        self.published + self.parked
    }
}

pub struct Relay {
    db: KeptConnection,
    publisher: Arc<dyn PublishBatch>,
    wake: OutboxWake,
    pace: RelayPace,
}

impl Relay {
    pub fn new(db: PgPool, publisher: Arc<dyn PublishBatch>, wake: OutboxWake, pace: RelayPace) -> Self {
        Self { db: KeptConnection::of(db), publisher, wake, pace }
    }

    /// Runs until `shutdown`; a round in progress is finished first. Never ends by a failure: it waits and tries again.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut failures = 0;
        let mut unparked = Instant::now();
        while !shutdown.is_cancelled() {
            let pause = match self.turn(&mut unparked).await {
                Ok(round) => {
                    failures = 0;
                    if round.taken() >= usize::try_from(self.pace.batch).unwrap_or(usize::MAX) {
                        continue;
                    }
                    if round.taken() > BUSY {
                        tokio::time::sleep(self.pace.gather).await;
                        continue;
                    }
                    jittered(self.pace.poll)
                }
                Err(error) => {
                    let pause = backoff(self.pace.backoff, failures);
                    failures += 1;
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, pause_ms = pause.as_millis(), "outbox not relayed, trying again");
                    pause
                }
            };
            let idle = failures == 0;
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
                () = self.wake.woken(), if idle => {}
            }
        }
    }

    async fn turn(&self, unparked: &mut Instant) -> Result<Round, RelayError> {
        if unparked.elapsed() >= self.pace.unpark {
            let again = outbox::unpark_all(&mut *self.db.take().await?).await?;
            *unparked = Instant::now();
            if again > 0 {
                tracing::info!(messages = again, "parked messages get another turn");
            }
        }
        self.relay_once().await
    }

    /// One transaction: takes the oldest messages, publishes them, and parks those that the broker did not want.
    ///
    /// # Errors
    /// When the database or the broker is away; then everything is still in the outbox.
    pub async fn relay_once(&self) -> Result<Round, RelayError> {
        let mut connection = self.db.take().await?;
        let mut transaction = connection.begin().await?;
        let rows = outbox::take(&mut transaction, self.pace.batch).await?;
        if rows.is_empty() {
            return Ok(Round::default());
        }
        let (mut places, mut messages, mut parked) = (Vec::new(), Vec::new(), Vec::new());
        for (place, row) in rows.iter().enumerate() {
            match serde_json::from_str::<Outgoing>(&row.message) {
                Ok(message) => {
                    places.push(place);
                    messages.push(message);
                }
                Err(error) => parked.push((place, format!("unreadable: {error}"))),
            }
        }
        let verdicts = self.publish(&messages).await?;
        crash_point("relay", Boundary::AfterConfirm);
        for ((place, message), verdict) in places.into_iter().zip(&messages).zip(verdicts) {
            parked.extend(reason_to_park(message, verdict).map(|reason| (place, reason)));
        }
        park(&mut transaction, &rows, &parked).await?;
        crash_point("relay", Boundary::BeforeCommit);
        transaction.commit().await?;
        connection.keep();
        crash_point("relay", Boundary::AfterCommit);
        Ok(Round { published: rows.len() - parked.len(), parked: parked.len() })
    }

    async fn publish(&self, messages: &[Outgoing]) -> Result<Vec<Verdict>, RelayError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let published = timeout(self.pace.confirm, self.publisher.publish(messages)).await;
        let verdicts = published.map_err(|_| RelayError::TooSlow)??;
        if verdicts.len() == messages.len() {
            Ok(verdicts)
        } else {
            Err(RelayError::VerdictsMissing { expected: messages.len(), found: verdicts.len() })
        }
    }
}

async fn park(conn: &mut sqlx::PgConnection, rows: &[TakenRow], parked: &[(usize, String)]) -> Result<(), sqlx::Error> {
    let parked: Vec<ParkedRow<'_>> =
        parked.iter().map(|(place, reason)| ParkedRow { row: &rows[*place], reason }).collect();
    for ParkedRow { row, reason } in &parked {
        tracing::error!(position = row.position, reason, "message parked in the outbox");
    }
    outbox::park_all(conn, &parked).await
}

/// `None` when the message is done with.
fn reason_to_park(message: &Outgoing, verdict: Verdict) -> Option<String> {
    match (verdict, message.unroutable) {
        (Verdict::Stored, Unroutable::Keep | Unroutable::Drop) | (Verdict::Unroutable(_), Unroutable::Drop) => None,
        (Verdict::Unroutable(why), Unroutable::Keep) => Some(format!("unroutable: {why}")),
        (Verdict::Rejected, Unroutable::Keep | Unroutable::Drop) => Some("rejected by a queue".to_owned()),
    }
}

/// Up to a quarter more or less, so that the relays of several processes do not poll in step.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.75 + fastrand::f64() / 2.0)
}

fn backoff((first, longest): (Duration, Duration), failures: u32) -> Duration {
    jittered(first.saturating_mul(2_u32.saturating_pow(failures)).min(longest))
}
