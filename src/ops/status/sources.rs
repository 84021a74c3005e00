//! Asks everything that the status shows. Each part is asked for itself: what cannot be had is an error in its own field.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

use super::queues::{QueueReader, queues};
use super::{instances, troubles};
use crate::contract::status::{
    DeadLetterStatus, InboxStatus, OpenGroups, OutboxStatus, Part, ReplayStatus, SchedulerStatus, Status, Stopped,
    StuckOrders,
};
use crate::store::instances::Instance;
use crate::store::{
    controls, dead_letters, inbox, instances as heartbeats, is_outage, outbox_queries, queue_ages, scheduler, stuck,
};
use crate::telemetry::chain;

/// For everything that the database is asked: below the usual 10 s of HTTP clients, with the answer to be written.
const PATIENCE: Duration = Duration::from_secs(5);
/// For a connection: a busy process is told from a database that is away soon enough.
const CONNECT: Duration = Duration::from_secs(2);
/// Nothing is counted further, and no list of rows is longer: a status must cost the same in a disaster.
const COUNTED: i64 = 10_000;
const LISTED: i64 = 20;
/// Of each of five states: some ten milliseconds.
const DEAD_LETTERS: i64 = 5_000;
const STUCK: i64 = 1_000;
/// Letters that are counted by their causes: 60 ms for each 100,000 of them.
const GROUPED: i64 = 200_000;
const GROUPS: i64 = 10;
const STOPPED: i64 = 100;
/// How old a look at the ages of the queues may be, in seconds: some were missed, and it is no longer true.
const AGES: f64 = 30.0;
/// Roles of processes; a large fleet has a hundred.
const INSTANCES: i64 = 500;

/// Where the status comes from. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    db: PgPool,
    queues: QueueReader,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

/// What the database knows.
struct Stored {
    outbox: Part<OutboxStatus>,
    inbox: Part<InboxStatus>,
    stuck_orders: Part<StuckOrders>,
    scheduler: Part<SchedulerStatus>,
    dead_letters: Part<DeadLetterStatus>,
    dead_letter_groups: Part<OpenGroups>,
    replays: Part<Vec<ReplayStatus>>,
    stopped: Part<Vec<Stopped>>,
    untaken: Part<HashMap<String, f64>>,
    instances: Part<Vec<Instance>>,
}

impl Sources {
    pub fn new(db: PgPool, queues: QueueReader) -> Self {
        Self { db, queues }
    }

    /// The state of the fleet now. Never fails: what cannot be had is told in its place.
    pub async fn read(&self) -> Status {
        let (looked, stored) = tokio::join!(self.queues.look(), self.stored());
        let Stored { instances: found, mut scheduler, .. } = stored;
        let heard = found.known().map_or(&[][..], Vec::as_slice);
        if let Part::Known(scheduler) = &mut scheduler {
            scheduler.leader = instances::leader(heard).filter(|_| scheduler.led);
        }
        let mut status = Status {
            healthy: false,
            problems: Vec::new(),
            at: OffsetDateTime::now_utc(),
            queues: queues(looked.queues, heard, stored.untaken.known()),
            outbox: stored.outbox,
            inbox: stored.inbox,
            breakers: told(&found, instances::breakers),
            stuck_orders: stored.stuck_orders,
            scheduler,
            dead_letters: stored.dead_letters,
            dead_letter_groups: stored.dead_letter_groups,
            replays: stored.replays,
            stopped: stored.stopped,
            instances: told(&found, instances::instances),
        };
        status.problems = troubles::troubles(&status, looked.complaint.as_deref());
        status.healthy = status.problems.is_empty();
        status
    }

    async fn stored(&self) -> Stored {
        let deadline = Instant::now() + PATIENCE;
        let mut db = self.connection().await;
        let db = &mut db;
        Stored {
            outbox: ask(db, deadline, async |db| outbox_queries::summary(db, COUNTED, LISTED).await).await,
            inbox: ask(db, deadline, async |db| inbox::estimate(db).await).await,
            stuck_orders: ask(db, deadline, async |db| stuck::list(db, STUCK, LISTED).await).await,
            scheduler: ask(db, deadline, async |db| {
                let (led, jobs) = (scheduler::is_led(db).await?, scheduler::jobs(db).await?);
                Ok(SchedulerStatus { led, leader: None, jobs })
            })
            .await,
            dead_letters: ask(db, deadline, async |db| {
                let groups = dead_letters::newest(db, DEAD_LETTERS).await?;
                Ok(DeadLetterStatus { counted_up_to: DEAD_LETTERS, groups })
            })
            .await,
            dead_letter_groups: ask(db, deadline, async |db| dead_letters::open_groups(db, GROUPED, GROUPS).await)
                .await,
            replays: ask(db, deadline, async |db| dead_letters::replays_under_way(db, LISTED).await).await,
            stopped: ask(db, deadline, async |db| controls::stopped(db, STOPPED).await).await,
            untaken: ask(db, deadline, async |db| queue_ages::untaken(db, AGES).await).await,
            instances: ask(db, deadline, async |db| heartbeats::list(db, INSTANCES).await).await,
        }
    }

    async fn connection(&self) -> Result<PoolConnection<Postgres>, String> {
        match timeout_at(Instant::now() + CONNECT, self.db.acquire()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => {
                tracing::warn!(error = chain(&error), "no connection to the database");
                Err(AWAY.to_owned())
            }
            Err(_) => Err(AWAY.to_owned()),
        }
    }
}

const AWAY: &str = "the database is not available at the moment";

async fn ask<T>(
    db: &mut Result<PoolConnection<Postgres>, String>,
    deadline: Instant,
    question: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
) -> Part<T> {
    let connection = match db {
        Ok(connection) => connection,
        Err(error) => return Part::Unknown { error: error.clone() },
    };
    match timeout_at(deadline, question(connection)).await {
        Ok(Ok(answer)) => Part::Known(answer),
        Ok(Err(error)) => {
            tracing::warn!(error = chain(&error), "a part of the status cannot be had");
            // What is wrong inside is for the log.
            let error = if is_outage(&error) { AWAY } else { "the database refuses to tell; see the log of order-api" };
            Part::Unknown { error: error.to_owned() }
        }
        Err(_) => Part::Unknown { error: "the database is too slow at the moment".to_owned() },
    }
}

fn told<T>(found: &Part<Vec<Instance>>, tell: impl FnOnce(&[Instance]) -> T) -> Part<T> {
    match found {
        Part::Known(found) => Part::Known(tell(found)),
        Part::Unknown { error } => Part::Unknown { error: error.clone() },
    }
}
