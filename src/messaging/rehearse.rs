//! What a consumer would do with a message now: its own code, in a transaction that is rolled back, without calls to the outside.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use sqlx::{Connection, PgConnection, PgPool};

use super::failure::panic_text;
use super::{Delivery, Failure, Handler, Incoming, Outcome};
use crate::contract::Outgoing;
use crate::store::{inbox, rehearsal};
use crate::telemetry::{chain, rehearsing};

/// What would come of it.
#[derive(Debug)]
pub enum Rehearsal {
    /// It has been handled before: the inbox knows it.
    Known,
    /// It does not concern the consumer.
    Unconcerned,
    /// The consumer would call outside; what comes then is not known.
    WouldCall(&'static str),
    /// Rows by table, and messages that follow.
    Done {
        writes: BTreeMap<String, i64>,
        publishes: Vec<Outgoing>,
    },
    Failed(Failure),
}

/// # Errors
/// An outage of the database, or another transaction that holds the same rows for more than two seconds.
pub async fn rehearse<H: Handler>(handler: &H, db: &PgPool, incoming: Incoming) -> Result<Rehearsal, sqlx::Error> {
    rehearsing(unnoticed(handler, db, incoming)).await
}

async fn unnoticed<H: Handler>(handler: &H, db: &PgPool, incoming: Incoming) -> Result<Rehearsal, sqlx::Error> {
    let message = match handler.decode(&incoming) {
        Ok(message) => message,
        Err(failure) => return Ok(Rehearsal::Failed(failure)),
    };
    if !handler.concerns(&message) {
        return Ok(Rehearsal::Unconcerned);
    }
    let mut connection = db.acquire().await?;
    let mut tx = connection.begin().await?;
    rehearsal::be_impatient(&mut tx).await?;
    let id = handler.identity(&incoming);
    let outcome = match inbox::handled(&mut tx, H::ROLE, &[id]).await?.is_empty() {
        false => Rehearsal::Known,
        true if H::CALLS_OUTSIDE => {
            let context = handler.look_up(&mut tx, &[&message]).await?.pop().unwrap_or_default();
            match handler.without_call(&message, &context) {
                Some(fetched) => apply(handler, &mut tx, Delivery { incoming, message, fetched }).await?,
                None => Rehearsal::WouldCall(H::DEPENDENCY),
            }
        }
        true => match handler.call_outside(&incoming, &message, H::Context::default()).await {
            Ok(fetched) => apply(handler, &mut tx, Delivery { incoming, message, fetched }).await?,
            Err(failure) => Rehearsal::Failed(failure),
        },
    };
    tx.rollback().await?;
    Ok(outcome)
}

async fn apply<H: Handler>(
    handler: &H,
    db: &mut PgConnection,
    delivery: Delivery<H>,
) -> Result<Rehearsal, sqlx::Error> {
    let before = rehearsal::written(db).await?;
    let outcomes = AssertUnwindSafe(handler.apply(db, &[&delivery])).catch_unwind().await;
    let outcome = match outcomes {
        Err(panic) => return Ok(Rehearsal::Failed(Failure::Panicked(panic_text(panic.as_ref())))),
        Ok(Err(error)) if crate::store::is_outage(&error) || crate::store::is_contention(&error) => return Err(error),
        Ok(Err(error)) => return Ok(Rehearsal::Failed(Failure::Transient(chain(&error)))),
        Ok(Ok(mut outcomes)) => outcomes.pop(),
    };
    Ok(match outcome {
        Some(Outcome::Done(publishes)) => {
            let mut writes = rehearsal::written(db).await?;
            for (table, rows) in before {
                writes.entry(table).and_modify(|now| *now -= rows);
            }
            writes.retain(|_, rows| *rows > 0);
            Rehearsal::Done { writes, publishes }
        }
        Some(Outcome::Failed(failure)) => Rehearsal::Failed(failure),
        None => Rehearsal::Failed(Failure::Transient("the handler returned no outcome".to_owned())),
    })
}
