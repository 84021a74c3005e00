//! One batch, one transaction: the gate, the handler's effects and the inbox rows commit together. A batch that fails is run
//! message by message, so that one bad message never fails its neighbours.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use sqlx::Connection;

use super::failure::panic_text;
use super::{Delivery, Failure, Handler, Outcome};
use crate::contract::Outgoing;
use crate::crash_points::{Boundary, crash_point};
use crate::store::{KeptConnection, inbox, is_contention, is_outage};
use crate::telemetry::chain;

/// The decision about one delivery.
#[derive(Debug)]
pub enum Decided {
    /// Its effects are committed; publish these, then acknowledge.
    Done(Vec<Outgoing>),
    /// It had been handled before; publish again what it caused then.
    Duplicate(Vec<Outgoing>),
    Failed(Failure),
}

/// Why a transaction did not commit.
enum Rollback {
    /// The database is the trouble, or another transaction was faster; running it again helps.
    Outage(sqlx::Error),
    /// A message of the batch is the trouble.
    Batch(Failure),
}

impl From<sqlx::Error> for Rollback {
    fn from(error: sqlx::Error) -> Self {
        // A repetition that the gate did not see when it was asked: another process has just committed the message. Asked again, it will.
        match is_outage(&error) || is_contention(&error) || inbox::is_repetition(&error) {
            true => Self::Outage(error),
            false => Self::Batch(Failure::Transient(chain(&error))),
        }
    }
}

/// Decides a batch, in order.
///
/// # Errors
/// Only an outage of the database, after which nothing has happened and the batch can be decided again.
pub async fn decide<H: Handler>(
    handler: &H,
    db: &KeptConnection,
    batch: &[Delivery<H>],
) -> Result<Vec<Decided>, sqlx::Error> {
    // Hardly any message is a repetition, so the gate is asked only once, by writing its rows. Where that fails, it is asked first.
    if let Ok(decided) = transact(handler, db, batch, Gate::Trusting).await {
        return Ok(decided);
    }
    match transact(handler, db, batch, Gate::Asking).await {
        Ok(decided) => return Ok(decided),
        Err(Rollback::Outage(error)) => return Err(error),
        Err(Rollback::Batch(failure)) if batch.len() <= 1 => {
            return Ok(batch.iter().map(|_| Decided::Failed(failure.clone())).collect());
        }
        Err(Rollback::Batch(failure)) => {
            tracing::warn!(role = H::ROLE, messages = batch.len(), %failure, "the batch failed, running it one by one");
        }
    }
    let mut decided = Vec::with_capacity(batch.len());
    for delivery in batch {
        match transact(handler, db, std::slice::from_ref(delivery), Gate::Asking).await {
            Ok(one) => decided.extend(one),
            Err(Rollback::Outage(error)) => return Err(error),
            Err(Rollback::Batch(failure)) => decided.push(Decided::Failed(failure)),
        }
    }
    Ok(decided)
}

/// How a transaction finds out which messages have been handled before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// It expects none; if there is one, its row is in the way, and the transaction is rolled back.
    Trusting,
    Asking,
}

async fn transact<H: Handler>(
    handler: &H,
    db: &KeptConnection,
    batch: &[Delivery<H>],
    gate: Gate,
) -> Result<Vec<Decided>, Rollback> {
    let ids: Vec<_> = batch.iter().map(|delivery| handler.identity(&delivery.incoming)).collect();
    let mut connection = db.take().await?;
    let mut tx = connection.begin().await?;
    let mut handled = match gate {
        Gate::Trusting => HashMap::new(),
        Gate::Asking => inbox::handled(&mut tx, H::ROLE, &ids).await?,
    };
    let mut seen = HashSet::new();
    let is_fresh: Vec<bool> = ids.iter().map(|id| !handled.contains_key(id) && seen.insert(*id)).collect();
    let fresh: Vec<&Delivery<H>> = batch.iter().zip(&is_fresh).filter(|(_, fresh)| **fresh).map(|(d, _)| d).collect();
    let outcomes = match fresh.is_empty() {
        true => Vec::new(),
        false => AssertUnwindSafe(handler.apply(&mut tx, &fresh))
            .catch_unwind()
            .await
            .map_err(|panic| Rollback::Batch(Failure::Panicked(panic_text(panic.as_ref()))))??,
    };
    if gate == Gate::Trusting && outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failed(_))) {
        // A repetition may fail where the first run did not, and leaves no row that would be in the way.
        return Err(Rollback::Batch(Failure::Transient("the gate must be asked first".to_owned())));
    }
    let mut outcomes = outcomes.into_iter();
    let mut decided = Vec::with_capacity(batch.len());
    for (id, fresh) in ids.iter().zip(is_fresh) {
        decided.push(match fresh {
            false => Decided::Duplicate(handled.remove(id).unwrap_or_default()),
            true => match outcomes.next() {
                Some(Outcome::Done(outgoing)) => Decided::Done(outgoing),
                Some(Outcome::Failed(failure)) => Decided::Failed(failure),
                None => Decided::Failed(Failure::Transient("the handler returned too few outcomes".to_owned())),
            },
        });
    }
    let done: Vec<_> = ids
        .iter()
        .zip(&decided)
        .filter_map(|(id, decided)| match decided {
            Decided::Done(outgoing) => Some((*id, outgoing.as_slice())),
            Decided::Duplicate(_) | Decided::Failed(_) => None,
        })
        .collect();
    inbox::record(&mut tx, H::ROLE, &done).await?;
    crash_point(H::ROLE, Boundary::BeforeCommit);
    tx.commit().await?;
    connection.keep();
    Ok(decided)
}
