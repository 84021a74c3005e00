//! The end of a batch: decide it in one transaction, publish what it caused, acknowledge.

use tokio::time::Instant;
use uuid::Uuid;

use super::engine::{Decided, decide};
use super::fault::Fault;
use super::session::{Prepared, Ready, Session};
use super::settle::{Settlement, settle};
use super::{Failure, Handler, Incoming, Source, Wire, bundle, dead_letter};
use crate::crash_points::{Boundary, crash_point};
use crate::store::{KeptConnection, inbox};
use crate::telemetry::metrics;

impl<H: Handler> Session<'_, H> {
    /// Decides, publishes, acknowledges.
    pub(super) async fn finish(&mut self, ready: Vec<Ready<H>>) -> Result<(), Fault> {
        if ready.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let size = ready.len();
        let mut settled = Vec::with_capacity(size);
        let mut caused = Vec::new();
        let mut copies = Vec::new();
        let mut fresh = Vec::with_capacity(size);
        let mut unconcerned = Vec::new();
        for Ready { receipt, prepared } in ready {
            match prepared {
                Prepared::Fresh(delivery) => fresh.push(delivery),
                Prepared::Known(outgoing) => {
                    caused.extend(outgoing);
                    count::<H>("duplicate");
                }
                Prepared::Failed(incoming, failure) => copies.push(self.settled(&incoming, &failure)?),
                Prepared::Unconcerned(replayed) => {
                    unconcerned.extend(replayed);
                    count::<H>("unconcerned");
                }
            }
            settled.push(receipt);
        }
        let acker = settled.last().map(|receipt| receipt.acker.clone());
        let (handler, db) = (&self.consumer.handler, &self.db);
        let decided = match fresh.is_empty() {
            true => Vec::new(),
            false => self.through_outages(acker.as_ref(), || decide(handler.as_ref(), db, &fresh)).await?,
        };
        for (delivery, decided) in fresh.iter().zip(decided) {
            match decided {
                Decided::Done(outgoing) => {
                    caused.extend(outgoing);
                    count::<H>("done");
                }
                Decided::Duplicate(outgoing) => {
                    caused.extend(outgoing);
                    count::<H>("duplicate");
                }
                Decided::Failed(failure) => copies.push(self.settled(&delivery.incoming, &failure)?),
            }
        }
        if !unconcerned.is_empty() {
            self.through_outages(acker.as_ref(), || note(&self.db, H::ROLE, &unconcerned)).await?;
        }
        let mut wires = bundle::wires(&caused, self.consumer.args.bundle);
        wires.extend(copies);
        crash_point(H::ROLE, Boundary::AfterCommit);
        self.publish(&wires, &settled).await?;
        crash_point(H::ROLE, Boundary::AfterConfirm);
        self.survived(&settled).await?;
        let doubled = self.copies_of(&settled);
        doubled.iter().for_each(|_| count::<H>("duplicate"));
        settled.extend(doubled);
        if !self.in_hand.ack(settled).await? {
            return Err(Fault::AckLost);
        }
        crash_point(H::ROLE, Boundary::AfterAck);
        metrics().batch_seconds.with_label_values(&[H::ROLE]).observe(started.elapsed().as_secs_f64());
        metrics().batch_size.with_label_values(&[H::ROLE]).observe(size as f64);
        Ok(())
    }

    /// The copy that goes on in place of a message that failed.
    fn settled(&self, incoming: &Incoming, failure: &Failure) -> Result<Wire, Fault> {
        let Source::Work(queue) = H::SOURCE else {
            return Err(Fault::Unstorable(failure.to_string()));
        };
        let rungs = if incoming.is_single_attempt() { 0 } else { queue.rungs() };
        let settlement = settle(failure, incoming.attempt(), rungs);
        let outcome = match settlement {
            Settlement::Retry { .. } => "retried",
            Settlement::Wait { .. } => "deferred",
            Settlement::DeadLetter(_) => "dead_lettered",
        };
        count::<H>(outcome);
        if matches!(settlement, Settlement::Wait { .. }) {
            tracing::debug!(role = H::ROLE, message_id = %incoming.message_id, %failure, "message deferred");
            return Ok(dead_letter::copy(incoming, queue, failure, settlement));
        }
        if matches!(settlement, Settlement::DeadLetter(_)) {
            self.consumer.controls.has_died(queue);
        }
        tracing::warn!(
            role = H::ROLE, message_id = %incoming.message_id, correlation_id = incoming.correlation_id(),
            attempt = incoming.attempt(), outcome, failure = dead_letter::shortened(failure), "message not handled"
        );
        Ok(dead_letter::copy(incoming, queue, failure, settlement))
    }
}

/// Leaves a trace of replayed messages that had no effect.
async fn note(db: &KeptConnection, role: &str, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    let mut connection = db.take().await?;
    inbox::note(&mut connection, role, ids).await?;
    connection.keep();
    Ok(())
}

fn count<H: Handler>(outcome: &str) {
    metrics().messages.with_label_values(&[H::ROLE, outcome]).inc();
}
