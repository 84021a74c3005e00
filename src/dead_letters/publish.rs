//! Publishes dead letters again: claimed, so that each is published by one operator at a time; with confirms; back to the consumer
//! that failed and to no other. Called by the runner of a replay; the effects happen once because the consumer's inbox sees to it.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::Instant;
use uuid::Uuid;

use super::way_back::{again, inbox_id, way_back};
use crate::crash_points::{Boundary, crash_point};
use crate::messaging::{Broker, PublishError, Publisher, Verdict, Wire};
use crate::store::dead_letters::{Claim, Released, State, claim, release, resolve, states};
use crate::telemetry::chain;

/// Most messages claimed at once: few enough to be published well within the lease.
pub const CHUNK: usize = 500;
/// Longest time for publishing one chunk; the rest is given back. Well below `store::dead_letters::LEASE_MINUTES`, so that nobody
/// else takes what is still being published here.
const PUBLISHING: Duration = Duration::from_secs(120);
const ROLE: &str = "replay";

/// What became of one dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The broker has it, and its row is resolved.
    Replayed {
        exchange: String,
        routing_key: String,
        /// What its consumer's inbox will know it by.
        inbox_id: Uuid,
    },
    /// The broker has it, but its row has changed meanwhile: it has failed again already, or another process sends it, too.
    MovedOn {
        inbox_id: Uuid,
    },
    /// Not published: it is not unresolved, or another operator is replaying it.
    NotFree(State),
    NotFound,
    /// Not published: nobody can tell where it came from.
    NoWayBack,
    /// Not stored by the broker; the row is unresolved as before.
    NotStored(String),
    /// Perhaps stored; the row is unresolved. Replaying it again is safe: its consumer takes it once.
    InDoubt(String),
    /// The broker is away, or takes nothing; the row is unresolved as before, and it is nobody's failure.
    BrokerAway {
        why: String,
        /// What its consumer's inbox will know it by, where it was perhaps stored all the same.
        in_doubt: Option<Uuid>,
    },
}

#[derive(Clone, Debug)]
pub struct Report {
    pub id: Uuid,
    pub outcome: Outcome,
}

/// What the broker said.
enum Sent {
    Stored,
    NotStored(String),
    InDoubt(String),
    BrokerAway { why: String, is_in_doubt: bool },
}

pub struct Replayer {
    db: PgPool,
    broker: Broker,
    publisher: Option<Publisher>,
}

impl Replayer {
    pub fn new(db: PgPool, broker: Broker) -> Self {
        Self { db, broker, publisher: None }
    }

    /// Replays at most [`CHUNK`] dead letters for an operation. The reports are in the order of the ids. With `single_attempt` a
    /// message that fails again is a dead letter at once, without the ladder.
    ///
    /// # Errors
    /// A database error. What was claimed by then stays `replaying` until its lease ends, and can be replayed again after that.
    pub async fn replay(
        &mut self,
        ids: &[Uuid],
        operation: Uuid,
        single_attempt: bool,
    ) -> Result<Vec<Report>, sqlx::Error> {
        let ids = &ids[..ids.len().min(CHUNK)];
        let by = format!("being replayed by operation {operation}");
        let mut db = self.db.acquire().await?;
        let claimed = claim(&mut db, ids, operation, &by).await?;
        drop(db);
        let deadline = Instant::now() + PUBLISHING;
        let mut settled: Vec<(Claim, Wire, Sent)> = Vec::with_capacity(claimed.len());
        let mut lost = Vec::new();
        let mut wires = Vec::with_capacity(claimed.len());
        for (claim, letter) in claimed {
            match way_back(&letter.summary) {
                Some(way) => wires.push((claim, again(letter, way, single_attempt))),
                None => lost.push(claim),
            }
        }
        for round in rounds(wires) {
            let (claims, wires): (Vec<Claim>, Vec<Wire>) = round.into_iter().unzip();
            let sent = self.publish(&wires, deadline).await;
            settled.extend(claims.into_iter().zip(wires).zip(sent).map(|((claim, wire), sent)| (claim, wire, sent)));
        }
        crash_point(ROLE, Boundary::AfterConfirm);
        let reports = self.settle(ids, settled, lost).await?;
        crash_point(ROLE, Boundary::AfterCommit);
        Ok(reports)
    }

    /// Writes down what became of the claims.
    async fn settle(
        &self,
        ids: &[Uuid],
        settled: Vec<(Claim, Wire, Sent)>,
        lost: Vec<Claim>,
    ) -> Result<Vec<Report>, sqlx::Error> {
        let stored: Vec<Claim> =
            settled.iter().filter(|(_, _, sent)| matches!(sent, Sent::Stored)).map(|(claim, ..)| *claim).collect();
        let mut db = self.db.acquire().await?;
        let resolved: HashSet<Uuid> = resolve(&mut db, &stored, "replayed").await?.into_iter().collect();
        let mut released = Vec::new();
        let mut reports = Vec::with_capacity(ids.len());
        for claim in lost {
            released.push(Released { claim, why: Outcome::NoWayBack.to_string(), unsent: true });
            reports.push(Report { id: claim.id, outcome: Outcome::NoWayBack });
        }
        for (claim, wire, sent) in settled {
            let outcome = match sent {
                Sent::Stored if resolved.contains(&claim.id) => Outcome::Replayed {
                    inbox_id: inbox_id(&wire),
                    exchange: wire.exchange,
                    routing_key: wire.routing_key,
                },
                Sent::Stored => Outcome::MovedOn { inbox_id: inbox_id(&wire) },
                Sent::NotStored(why) => Outcome::NotStored(why),
                Sent::InDoubt(why) => Outcome::InDoubt(why),
                Sent::BrokerAway { why, is_in_doubt } => {
                    Outcome::BrokerAway { why, in_doubt: is_in_doubt.then(|| inbox_id(&wire)) }
                }
            };
            match &outcome {
                Outcome::NotStored(_) => released.push(Released { claim, why: outcome.to_string(), unsent: true }),
                Outcome::InDoubt(_) => released.push(Released { claim, why: outcome.to_string(), unsent: false }),
                Outcome::BrokerAway { in_doubt, .. } => {
                    released.push(Released { claim, why: outcome.to_string(), unsent: in_doubt.is_none() });
                }
                Outcome::Replayed { .. } | Outcome::MovedOn { .. } => {}
                Outcome::NotFree(_) | Outcome::NotFound | Outcome::NoWayBack => {}
            }
            reports.push(Report { id: claim.id, outcome });
        }
        release(&mut db, &released).await?;
        let reported: HashSet<Uuid> = reports.iter().map(|report| report.id).collect();
        let left: Vec<Uuid> = ids.iter().copied().filter(|id| !reported.contains(id)).collect();
        let states = states(&mut db, &left).await?;
        reports.extend(left.into_iter().map(|id| {
            let state = states.iter().find(|(of, _)| *of == id).map(|(_, state)| *state);
            Report { id, outcome: state.map_or(Outcome::NotFound, Outcome::NotFree) }
        }));
        reports.sort_by_key(|report| ids.iter().position(|id| *id == report.id));
        Ok(reports)
    }

    /// Makes sure of a channel to the broker.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn reach(&mut self) -> Result<(), String> {
        if !self.publisher.as_ref().is_some_and(Publisher::is_usable) {
            self.publisher = Some(self.broker.publisher(ROLE).await.map_err(|error| chain(&error))?);
        }
        Ok(())
    }

    /// Publishes together; when that closes the channel (one wrong exchange is enough), one by one.
    async fn publish(&mut self, wires: &[Wire], deadline: Instant) -> Vec<Sent> {
        match self.attempt(wires, deadline).await {
            Attempt::Answered(sent) => return sent,
            Attempt::ChannelClosed(why) if wires.len() == 1 => return vec![Sent::InDoubt(why)],
            Attempt::ChannelClosed(_) => {}
        }
        let mut all = Vec::with_capacity(wires.len());
        for wire in wires {
            match self.attempt(std::slice::from_ref(wire), deadline).await {
                Attempt::Answered(sent) => all.extend(sent),
                Attempt::ChannelClosed(why) => all.push(Sent::InDoubt(why)),
            }
        }
        all
    }

    async fn attempt(&mut self, wires: &[Wire], deadline: Instant) -> Attempt {
        let away = |why: String, is_in_doubt| {
            Attempt::Answered(wires.iter().map(|_| Sent::BrokerAway { why: why.clone(), is_in_doubt }).collect())
        };
        if Instant::now() >= deadline {
            return away("it was too slow for those before".to_owned(), false);
        }
        if let Err(why) = self.reach().await {
            return away(why, false);
        }
        let Some(mut publisher) = self.publisher.take() else { return away("no channel".to_owned(), false) };
        match publisher.publish(wires).await {
            Ok(verdicts) => {
                self.publisher = Some(publisher);
                Attempt::Answered(verdicts.into_iter().map(Sent::from).collect())
            }
            Err(error) if error.is_outage() => away(chain(&error), true),
            Err(error @ PublishError::Channel(_)) => Attempt::ChannelClosed(chain(&error)),
            Err(error @ (PublishError::Deadline | PublishError::NotConfirming)) => {
                Attempt::Answered(wires.iter().map(|_| Sent::InDoubt(chain(&error))).collect())
            }
        }
    }
}

enum Attempt {
    Answered(Vec<Sent>),
    ChannelClosed(String),
}

impl From<Verdict> for Sent {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Stored => Self::Stored,
            Verdict::Unroutable(way) => Self::NotStored(format!("no queue is bound for {way}")),
            Verdict::Rejected => Self::NotStored("the queue refused it".to_owned()),
        }
    }
}

impl Outcome {
    pub fn is_replayed(&self) -> bool {
        matches!(self, Self::Replayed { .. })
    }

    /// For programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Replayed { .. } => "replayed",
            Self::MovedOn { .. } => "moved_on",
            Self::NotFree(_) => "not_free",
            Self::NotFound => "not_found",
            Self::NoWayBack => "no_way_back",
            Self::NotStored(_) => "not_stored",
            Self::InDoubt(_) => "in_doubt",
            Self::BrokerAway { .. } => "broker_away",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Replayed { exchange, routing_key, .. } => match exchange.as_str() {
                "" => write!(f, "replayed to {routing_key}"),
                exchange => write!(f, "replayed through {exchange}, {routing_key}"),
            },
            Self::MovedOn { .. } => {
                f.write_str("published, but it has changed meanwhile; it may have failed again already")
            }
            Self::NotFree(State::Replaying) => f.write_str("not published: it is being replayed right now"),
            Self::NotFree(state) => write!(f, "not published: it is {state}"),
            Self::NotFound => f.write_str("there is no such dead letter"),
            Self::NoWayBack => f.write_str("not published: nobody can tell where it came from"),
            Self::NotStored(why) => write!(f, "not published: {why}"),
            Self::InDoubt(why) => write!(f, "perhaps published, still unresolved: {why}"),
            Self::BrokerAway { why, in_doubt: None } => write!(f, "not published, the broker is away: {why}"),
            Self::BrokerAway { why, in_doubt: Some(_) } => {
                write!(f, "perhaps published, the broker went away: {why}")
            }
        }
    }
}

/// Batches in which every message id is there once: the publisher tells verdicts apart by it.
fn rounds(mut wires: Vec<(Claim, Wire)>) -> Vec<Vec<(Claim, Wire)>> {
    let mut rounds = Vec::new();
    while !wires.is_empty() {
        let mut seen = HashSet::new();
        let (round, later) = wires.into_iter().partition(|(_, wire)| seen.insert(wire.properties.message_id().clone()));
        rounds.push(round);
        wires = later;
    }
    rounds
}
