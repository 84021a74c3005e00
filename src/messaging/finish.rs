//! The end of a batch: decide it in one transaction, publish what it caused, acknowledge.

use lapin::Acker;
use tokio::time::Instant;

use super::engine::{Decided, decide};
use super::fault::Fault;
use super::session::{Prepared, Ready, Session};
use super::settle::{Settlement, settle};
use super::{Consumer, Delivery, Failure, Handler, Incoming, Source, Wire, dead_letter};
use crate::crash_points::{Boundary, crash_point};
use crate::telemetry::metrics;

impl<H: Handler> Session<'_, H> {
    /// Decides, publishes, acknowledges.
    pub(super) async fn finish(&mut self, ready: Vec<Ready<H>>) -> Result<(), Fault> {
        if ready.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let size = ready.len();
        let mut acks = Vec::with_capacity(size);
        let mut wires = Vec::new();
        let mut fresh = Vec::with_capacity(size);
        for Ready { tag, acker, prepared } in ready {
            match prepared {
                Prepared::Fresh(delivery) => fresh.push((tag, acker, delivery)),
                Prepared::Known(outgoing) => {
                    wires.extend(outgoing.iter().map(Wire::from));
                    acks.push((tag, acker));
                    count::<H>("duplicate");
                }
                Prepared::Failed(incoming, failure) => {
                    wires.push(self.settled(&incoming, &failure)?);
                    acks.push((tag, acker));
                }
                Prepared::Unconcerned => {
                    acks.push((tag, acker));
                    count::<H>("unconcerned");
                }
            }
        }
        self.decide(fresh, &mut wires, &mut acks).await?;
        crash_point(H::ROLE, Boundary::AfterCommit);
        self.publish(&wires, &acks).await?;
        crash_point(H::ROLE, Boundary::AfterConfirm);
        self.survived(&acks).await?;
        if !self.in_hand.ack(acks).await? {
            return Err(Fault::AckLost);
        }
        crash_point(H::ROLE, Boundary::AfterAck);
        metrics().batch_seconds.with_label_values(&[H::ROLE]).observe(started.elapsed().as_secs_f64());
        metrics().batch_size.with_label_values(&[H::ROLE]).observe(size as f64);
        Ok(())
    }

    async fn decide(
        &mut self,
        fresh: Vec<(u64, Acker, Delivery<H>)>,
        wires: &mut Vec<Wire>,
        acks: &mut Vec<(u64, Acker)>,
    ) -> Result<(), Fault> {
        if fresh.is_empty() {
            return Ok(());
        }
        let mut deliveries = Vec::with_capacity(fresh.len());
        for (tag, acker, delivery) in fresh {
            acks.push((tag, acker));
            deliveries.push(delivery);
        }
        let Consumer { handler, db, .. } = self.consumer;
        let decided = self
            .through_outages(acks.last().map(|(_, acker)| acker), || decide(handler.as_ref(), db, &deliveries))
            .await?;
        for (delivery, decided) in deliveries.iter().zip(decided) {
            match decided {
                Decided::Done(outgoing) => {
                    wires.extend(outgoing.iter().map(Wire::from));
                    count::<H>("done");
                }
                Decided::Duplicate(outgoing) => {
                    wires.extend(outgoing.iter().map(Wire::from));
                    count::<H>("duplicate");
                }
                Decided::Failed(failure) => wires.push(self.settled(&delivery.incoming, &failure)?),
            }
        }
        Ok(())
    }

    /// The copy that goes on in place of a message that failed.
    fn settled(&self, incoming: &Incoming, failure: &Failure) -> Result<Wire, Fault> {
        let Source::Work(queue) = H::SOURCE else {
            return Err(Fault::Unstorable(failure.to_string()));
        };
        let settlement = settle(failure, incoming.attempt(), queue.rungs());
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
        tracing::warn!(
            role = H::ROLE, message_id = %incoming.message_id, correlation_id = incoming.correlation_id(),
            attempt = incoming.attempt(), outcome, failure = dead_letter::shortened(failure), "message not handled"
        );
        Ok(dead_letter::copy(incoming, queue, failure, settlement))
    }
}

fn count<H: Handler>(outcome: &str) {
    metrics().messages.with_label_values(&[H::ROLE, outcome]).inc();
}
