//! What one consumer session has in hand, and the steps each batch goes through. Ends with the session; what was not acknowledged
//! then comes again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use lapin::options::BasicCancelOptions;
use lapin::{Acker, Channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::acks::InHand;
use super::broker::in_time;
use super::consumer::CLOSE_DEADLINE;
use super::engine::{Decided, decide};
use super::failure::panic_text;
use super::fault::Fault;
use super::settle::{Settlement, settle};
use super::{
    Backoff, Consumer, Delivery, Failure, Handler, Incoming, PublishError, Publisher, Source, Verdict, Wire,
    dead_letter,
};
use crate::contract::{Outgoing, Unroutable};
use crate::store::inbox;
use crate::telemetry::{chain, metrics};

/// What is known of a delivery before its batch is decided.
enum Prepared<H: Handler> {
    Fresh(Delivery<H>),
    Known(Vec<Outgoing>),
    Failed(Incoming, Failure),
    Unconcerned,
}

pub(super) struct Ready<H: Handler> {
    tag: u64,
    acker: Acker,
    prepared: Prepared<H>,
}

pub(super) type Arrival = (u64, Acker, Incoming);
type Decoded<H> = (u64, Acker, Incoming, <H as Handler>::Message);

pub(super) struct Session<'a, H: Handler> {
    consumer: &'a Consumer<H>,
    publisher: Publisher,
    in_hand: InHand,
    pub(super) outside: JoinSet<Ready<H>>,
    shutdown: &'a CancellationToken,
}

impl<'a, H: Handler> Session<'a, H> {
    pub(super) async fn start(consumer: &'a Consumer<H>, shutdown: &'a CancellationToken) -> Result<Self, Fault> {
        let publisher = consumer.broker.publisher().await?;
        Ok(Self { consumer, publisher, in_hand: InHand::default(), outside: JoinSet::new(), shutdown })
    }

    /// `None` from the stream is a fault: the queue was deleted, or the broker gave up waiting for an ack.
    pub(super) fn take(
        &mut self,
        arrival: Option<Result<lapin::message::Delivery, lapin::Error>>,
    ) -> Result<Arrival, Fault> {
        let delivery = arrival.ok_or(Fault::Cancelled)?.map_err(Fault::Stream)?;
        self.in_hand.take(delivery.delivery_tag);
        let incoming = Incoming::read(
            delivery.exchange.as_str(),
            delivery.routing_key.as_str(),
            delivery.properties,
            delivery.data,
        );
        Ok((delivery.delivery_tag, delivery.acker, incoming))
    }

    /// Decodes what has arrived. Outside calls are started here and come back through `outside`.
    pub(super) async fn prepare(&mut self, arrivals: Vec<Arrival>, ready: &mut Vec<Ready<H>>) -> Result<(), Fault> {
        let handler = &self.consumer.handler;
        let mut decoded = Vec::with_capacity(arrivals.len());
        for (tag, acker, incoming) in arrivals {
            let prepared = match handler.decode(&incoming) {
                Err(failure) => Prepared::Failed(incoming, failure),
                Ok(message) if !handler.concerns(&message) => Prepared::Unconcerned,
                Ok(message) if H::CALLS_OUTSIDE => {
                    decoded.push((tag, acker, incoming, message));
                    continue;
                }
                Ok(message) => call(handler.as_ref(), incoming, message, H::Context::default()).await,
            };
            ready.push(Ready { tag, acker, prepared });
        }
        if !decoded.is_empty() {
            self.start_calls(decoded, ready).await?;
        }
        Ok(())
    }

    /// Asks the inbox first: a message that was handled before is not worth a second call.
    async fn start_calls(&mut self, decoded: Vec<Decoded<H>>, ready: &mut Vec<Ready<H>>) -> Result<(), Fault> {
        let Consumer { handler, db, .. } = self.consumer;
        let ids: Vec<Uuid> = decoded.iter().map(|(_, _, incoming, _)| handler.identity(incoming)).collect();
        let messages: Vec<&H::Message> = decoded.iter().map(|(_, _, _, message)| message).collect();
        let look_up = || async {
            let mut db = db.acquire().await?;
            Ok((inbox::handled(&mut db, H::ROLE, &ids).await?, handler.look_up(&mut db, &messages).await?))
        };
        let (mut known, contexts) = self.through_outages(decoded.first().map(|(_, acker, ..)| acker), look_up).await?;
        let contexts = contexts.into_iter().chain(std::iter::repeat_with(H::Context::default));
        for (((tag, acker, incoming, message), id), context) in decoded.into_iter().zip(ids).zip(contexts) {
            if let Some(outgoing) = known.remove(&id) {
                ready.push(Ready { tag, acker, prepared: Prepared::Known(outgoing) });
                continue;
            }
            let handler = Arc::clone(handler);
            self.outside.spawn(async move {
                let prepared = call(handler.as_ref(), incoming, message, context).await;
                Ready { tag, acker, prepared }
            });
        }
        Ok(())
    }

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
        self.publish(&wires).await?;
        if !self.in_hand.ack(acks).await? {
            return Err(Fault::AckLost);
        }
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
        let settlement = settle(failure, incoming.attempt());
        let outcome = match settlement {
            Settlement::Retry { .. } => "retried",
            Settlement::DeadLetter(_) => "dead_lettered",
        };
        count::<H>(outcome);
        tracing::warn!(
            role = H::ROLE, message_id = %incoming.message_id, correlation_id = incoming.correlation_id(),
            attempt = incoming.attempt(), outcome, %failure, "message not handled"
        );
        Ok(dead_letter::copy(incoming, queue, failure, settlement))
    }

    async fn publish(&mut self, wires: &[Wire]) -> Result<(), Fault> {
        if wires.is_empty() {
            return Ok(());
        }
        if !self.publisher.is_usable() {
            self.publisher = self.consumer.broker.publisher().await?;
        }
        let verdicts = match self.publisher.publish(wires).await {
            Err(PublishError::Channel(_)) => {
                // The broker closed the channel; every id stays the same, so publishing all of it once more is safe.
                self.publisher = self.consumer.broker.publisher().await?;
                self.publisher.publish(wires).await?
            }
            answered => answered?,
        };
        for (wire, verdict) in wires.iter().zip(verdicts) {
            match (verdict, wire.unroutable) {
                (Verdict::Stored, _) => {}
                (Verdict::Unroutable(way), Unroutable::Drop) => {
                    tracing::info!(role = H::ROLE, way, message_id = %wire.message_id, "nobody waits for this answer any more");
                }
                (Verdict::Unroutable(way), Unroutable::Keep) => return Err(Fault::Unroutable(way)),
                (Verdict::Rejected, _) => return Err(Fault::Rejected(wire.exchange.clone())),
            }
        }
        Ok(())
    }

    /// Repeats `attempt` until the database answers. Nothing is taken meanwhile and no message spends an attempt.
    async fn through_outages<T, F: Future<Output = Result<T, sqlx::Error>>>(
        &self,
        acker: Option<&Acker>,
        attempt: impl Fn() -> F,
    ) -> Result<T, Fault> {
        let mut backoff = Backoff::default();
        loop {
            let error = match attempt().await {
                Ok(answer) => {
                    self.consumer.pulse.up();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            self.consumer.pulse.down(format!("the database is away: {error}"));
            tracing::warn!(role = H::ROLE, error = chain(&error), "the database is away, waiting");
            tokio::select! {
                () = tokio::time::sleep(backoff.next_pause()) => {}
                () = self.shutdown.cancelled() => return Err(Fault::LostWhileWaiting),
            }
            if acker.is_some_and(|acker| !acker.usable()) {
                return Err(Fault::LostWhileWaiting);
            }
        }
    }

    /// After the signal to stop: no new deliveries, the calls in hand are finished, the rest goes back to the queue with the
    /// channel.
    pub(super) async fn drain(&mut self, channel: &Channel) -> Result<(), Fault> {
        let cancel = channel.basic_cancel(H::ROLE.into(), BasicCancelOptions::default());
        in_time("cancelling the consumer", CLOSE_DEADLINE, cancel).await?;
        let deadline = Instant::now() + self.consumer.args.drain();
        let mut ready = Vec::new();
        while let Ok(Some(called)) = timeout_at(deadline, self.outside.join_next()).await {
            ready.extend(called.ok());
        }
        self.finish(ready).await
    }
}

async fn call<H: Handler>(handler: &H, incoming: Incoming, message: H::Message, context: H::Context) -> Prepared<H> {
    let called = AssertUnwindSafe(handler.call_outside(&incoming, &message, context)).catch_unwind().await;
    match called {
        Ok(Ok(fetched)) => Prepared::Fresh(Delivery { incoming, message, fetched }),
        Ok(Err(failure)) => Prepared::Failed(incoming, failure),
        Err(panic) => Prepared::Failed(incoming, Failure::Panicked(panic_text(panic.as_ref()))),
    }
}

fn count<H: Handler>(outcome: &str) {
    metrics().messages.with_label_values(&[H::ROLE, outcome]).inc();
}
