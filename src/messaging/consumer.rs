//! The loop of every worker: take what has arrived, prepare it, decide the batch, publish, acknowledge.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use sqlx::PgPool;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::breaker::{Breaker, Reading};
use super::broker::{CLOSE_DEADLINE, DEADLINE, in_time};
use super::fault::Fault;
use super::session::{Ready, Session, Taken};
use super::{Broker, Controls, Handler, supervise};
use crate::config::ConsumerArgs;
use crate::telemetry::{BreakerSign, Pulse, Signs, Taking, metrics};

/// Under load a batch is given time to grow: what a transaction, a publish and an ack cost hardly depends on how many messages share them.
/// How much load there is, the batch before tells by its size; where there is none, nobody waits.
const GATHER: [(usize, Duration); 2] = [(96, Duration::from_millis(60)), (4, Duration::from_millis(30))];

/// How long a batch gathers after one of so many messages.
fn gather(before: usize) -> Option<Duration> {
    GATHER.into_iter().find(|(more_than, _)| before > *more_than).map(|(_, pause)| pause)
}

/// How long messages are taken one by one after one that could not be read: many times what the broker needs to give it up.
const CAREFUL: Duration = Duration::from_secs(30);

/// One role's consumer.
pub struct Consumer<H: Handler> {
    pub handler: Arc<H>,
    pub broker: Broker,
    pub db: PgPool,
    pub args: ConsumerArgs,
    pub pulse: Pulse,
    pub breaker: Arc<Mutex<Breaker>>,
    pub taking: Arc<Taking>,
    /// Until when messages are taken one by one, after one that could not be read.
    pub careful: Mutex<Option<Instant>>,
    pub controls: Controls,
}

impl<H: Handler> Consumer<H> {
    /// Consumes until the token is cancelled, through every fault of broker and database.
    pub async fn run(self, shutdown: CancellationToken) {
        self.show_signs();
        while !shutdown.is_cancelled() {
            tokio::select! {
                () = self.controls.until_resumed(H::SOURCE.queue(), &self.pulse) => {}
                () = shutdown.cancelled() => return,
            }
            let turn = shutdown.child_token();
            let mut supervised = std::pin::pin!(supervise(H::ROLE, &self.pulse, &turn, || self.session(&turn)));
            tokio::select! {
                () = &mut supervised => continue,
                () = self.controls.until_paused(H::SOURCE.queue()) => turn.cancel(),
            }
            tracing::warn!(role = H::ROLE, "paused by an operator: finishing what is in hand");
            supervised.await;
        }
    }

    fn show_signs(&self) {
        let (breaker, taking) = (Arc::clone(&self.breaker), Arc::clone(&self.taking));
        self.pulse.shows(move || Signs {
            breaker: H::CALLS_OUTSIDE.then(|| {
                let Reading { state, since, failure_share } =
                    breaker.lock().unwrap_or_else(PoisonError::into_inner).reading();
                let for_so_long = since.map(|since| since.elapsed());
                BreakerSign { dependency: H::DEPENDENCY, state, for_so_long, failure_share }
            }),
            taken: Some((H::SOURCE.queue(), taking.look())),
            leads: None,
        });
    }

    pub(super) fn with_breaker<T>(&self, look: impl FnOnce(&mut Breaker) -> T) -> T {
        look(&mut self.breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn careful_until(&self) -> Option<Instant> {
        *self.careful.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_careful(&self, until: Option<Instant>) {
        *self.careful.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    async fn session(&self, shutdown: &CancellationToken) -> Result<(), Fault> {
        // Whoever fears a message that ends its connection does not take the others' with it.
        let connection = match self.careful_until() {
            Some(_) => Arc::new(self.broker.connect(&format!("consuming {}", H::SOURCE.queue())).await?),
            None => self.broker.consuming().await?,
        };
        let up = metrics().consumer_up.with_label_values(&[H::ROLE]);
        let ended = self.consume(&connection, shutdown).await;
        if matches!(ended, Err(Fault::Unreadable(_))) {
            self.set_careful(Some(Instant::now() + CAREFUL));
        }
        up.set(0);
        metrics().held.with_label_values(&[H::ROLE]).set(0);
        self.taking.holds(0);
        ended
    }

    async fn consume(&self, connection: &Arc<Connection>, shutdown: &CancellationToken) -> Result<(), Fault> {
        let channel = in_time("opening a channel", DEADLINE, connection.create_channel()).await?;
        let ended = self.on_channel(&channel, shutdown).await;
        // With the channel everything goes back that was not acknowledged.
        match (self.careful_until(), timeout(CLOSE_DEADLINE, channel.close(200, "done".into())).await) {
            (None, Ok(Ok(()))) => {}
            _ => self.broker.give_up(connection).await,
        }
        ended
    }

    async fn on_channel(&self, channel: &Channel, shutdown: &CancellationToken) -> Result<(), Fault> {
        let careful = self.careful_until();
        let prefetch = if careful.is_some() { 1 } else { self.args.prefetch };
        let qos = channel.basic_qos(prefetch, BasicQosOptions::default());
        in_time("setting the prefetch", DEADLINE, qos).await?;
        let options = BasicConsumeOptions::default();
        let consume = channel.basic_consume(H::SOURCE.queue().into(), H::ROLE.into(), options, FieldTable::default());
        let mut stream = in_time("starting to consume", DEADLINE, consume).await?;
        let mut session = Session::start(self, shutdown).await?;
        metrics().consumer_up.with_label_values(&[H::ROLE]).set(1);
        self.pulse.up();
        let ended = match self.work(&mut session, &mut stream, careful).await {
            Ok(()) => session.drain(channel).await,
            Err(fault) => Err(fault),
        };
        ended.and(session.survived_all().await)
    }

    /// Until the signal to stop.
    async fn work(
        &self,
        session: &mut Session<'_, H>,
        stream: &mut lapin::Consumer,
        careful: Option<Instant>,
    ) -> Result<(), Fault> {
        let mut before = 0;
        loop {
            let mut arrivals = Vec::new();
            let mut ready = Vec::new();
            let probe_at = self.with_breaker(|breaker| breaker.next_probe());
            let (holds, has_room) = (!session.held.is_empty(), session.has_room());
            tokio::select! {
                () = session.shutdown.cancelled() => return Ok(()),
                Some(called) = session.calls.join_next() => ready.extend(called.ok().and_then(|c| session.returned(c))),
                arrival = stream.next(), if has_room => session.take(arrival, &mut arrivals)?,
                () = sleep_until(careful.unwrap_or_else(Instant::now)), if careful.is_some() => {
                    self.set_careful(None);
                    return Err(Fault::BackToPace);
                }
                () = sleep_until(probe_at.unwrap_or_else(Instant::now)), if holds && probe_at.is_some() => {}
            }
            self.collect(session, stream, has_room, &mut arrivals, &mut ready)?;
            if let Some(pause) = gather(before).filter(|_| arrivals.len().max(ready.len()) < self.args.batch) {
                sleep(pause).await;
                self.collect(session, stream, has_room, &mut arrivals, &mut ready)?;
            }
            before = arrivals.len().max(ready.len());
            session.prepare(arrivals, &mut ready).await?;
            session.finish(ready).await?;
            session.isolate().await?;
            self.taking.holds(session.in_hand.len());
        }
    }

    /// Whatever is there by now, up to one batch.
    fn collect(
        &self,
        session: &mut Session<'_, H>,
        stream: &mut lapin::Consumer,
        has_room: bool,
        arrivals: &mut Vec<Taken>,
        ready: &mut Vec<Ready<H>>,
    ) -> Result<(), Fault> {
        while ready.len() < self.args.batch
            && let Some(called) = session.calls.try_join_next()
        {
            ready.extend(called.ok().and_then(|called| session.returned(called)));
        }
        while has_room
            && arrivals.len() < self.args.batch
            && let Some(arrival) = stream.next().now_or_never()
        {
            session.take(arrival, arrivals)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuller_the_batch_before_the_longer_the_next_one_gathers() {
        let pauses: Vec<u128> =
            [0, 4, 5, 96, 97, 512].into_iter().map(|n| gather(n).map_or(0, |p| p.as_millis())).collect();
        assert_eq!(pauses, [0, 0, 30, 30, 60, 60]);
    }
}
