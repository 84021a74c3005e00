//! What one consumer session has in hand, and how a delivery gets ready for its batch. Ends with the session; what was not
//! acknowledged then comes again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use lapin::Channel;
use lapin::options::BasicCancelOptions;
use tokio::sync::MutexGuard;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::acks::{InHand, Receipt};
use super::broker::{CLOSE_DEADLINE, in_time};
use super::calls::{Called, Calling, Decoded, call};
use super::failure::panic_text;
use super::fault::Fault;
use super::{Consumer, Delivery, Failure, Handler, Incoming, Publisher, bundle};
use crate::contract::Outgoing;
use crate::store::KeptConnection;

/// A message that this session holds.
pub(super) struct Taken {
    pub receipt: Receipt,
    pub incoming: Incoming,
    /// Whether it has been delivered before and was not acknowledged.
    pub came_back: bool,
}

/// Messages in hand beyond which nothing more is taken; the prefetch counts a bundle as one. Payments under way that take seconds
/// are all in hand, so this bounds their rate.
const MOST_IN_HAND: usize = 8192;

/// What is known of a delivery before its batch is decided.
pub(super) enum Prepared<H: Handler> {
    Fresh(Delivery<H>),
    /// Handled before; this is what it caused then.
    Known(Vec<Outgoing>),
    Failed(Incoming, Failure),
    /// `Some`: an operator has replayed it, and whoever watches the replay looks for its id in the inbox.
    Unconcerned(Option<Uuid>),
}

pub(super) struct Ready<H: Handler> {
    pub receipt: Receipt,
    pub prepared: Prepared<H>,
}

pub(super) struct Session<'a, H: Handler> {
    pub(super) consumer: &'a Consumer<H>,
    pub(super) db: KeptConnection,
    /// `None` after a fault, until the next one is needed.
    pub(super) publisher: Option<Publisher>,
    pub(super) in_hand: InHand,
    /// Outside calls on their way.
    pub(super) calls: JoinSet<Called<H>>,
    /// The messages of those calls, by identity.
    pub(super) calling: HashMap<Uuid, Calling>,
    /// Messages that wait for the breaker.
    pub(super) held: VecDeque<Box<Decoded<H>>>,
    /// Messages that may have killed a process; each runs alone.
    pub(super) suspects: VecDeque<Taken>,
    /// Messages whose run is written down, by delivery tag and identity.
    pub(super) marked: HashSet<(u64, Uuid)>,
    /// Until when this role is believed to have no suspects.
    pub(super) peaceful_until: Option<Instant>,
    /// Held while a suspect runs.
    pub(super) alone: Option<MutexGuard<'static, ()>>,
    pub(super) shutdown: &'a CancellationToken,
}

impl<'a, H: Handler> Session<'a, H> {
    pub(super) async fn start(consumer: &'a Consumer<H>, shutdown: &'a CancellationToken) -> Result<Self, Fault> {
        let publisher = consumer.broker.publisher(H::ROLE).await?;
        consumer.with_breaker(|breaker| breaker.forget_probe(Instant::now()));
        Ok(Self {
            consumer,
            db: KeptConnection::of(consumer.db.clone()),
            publisher: Some(publisher),
            in_hand: InHand::default(),
            calls: JoinSet::new(),
            calling: HashMap::new(),
            held: VecDeque::new(),
            suspects: VecDeque::new(),
            marked: HashSet::new(),
            peaceful_until: None,
            alone: None,
            shutdown,
        })
    }

    /// The messages of one delivery. `None` from the stream is a fault: the queue was deleted, or the broker gave up waiting for an ack.
    pub(super) fn take(
        &mut self,
        arrival: Option<Result<lapin::message::Delivery, lapin::Error>>,
        taken: &mut Vec<Taken>,
    ) -> Result<(), Fault> {
        let delivery = arrival.ok_or(Fault::Cancelled)?.map_err(Fault::of_stream)?;
        let (tag, came_back) = (delivery.delivery_tag, delivery.redelivered);
        let (exchange, routing_key) = (delivery.exchange.as_str(), delivery.routing_key.as_str());
        let members = bundle::members(Incoming::read(exchange, routing_key, delivery.properties, delivery.data));
        self.in_hand.take(tag, members.len());
        for incoming in members {
            self.consumer.taking.took(incoming.waited());
            let identity = self.consumer.handler.identity(&incoming);
            let receipt = Receipt { tag, acker: delivery.acker.clone(), identity };
            taken.push(Taken { receipt, incoming, came_back });
        }
        // Now, too, not only when the batch has ended: it may be held for long.
        self.consumer.taking.holds(self.in_hand.len());
        Ok(())
    }

    /// Whether more deliveries can be used. Suspects come first. Messages that the breaker holds back do not keep others out: a new
    /// one is the better probe.
    pub(super) fn has_room(&self) -> bool {
        self.suspects.is_empty() && self.in_hand.len() < MOST_IN_HAND
    }

    /// Decodes what has arrived. Outside calls are started here and come back through `calls`.
    pub(super) async fn prepare(&mut self, arrivals: Vec<Taken>, ready: &mut Vec<Ready<H>>) -> Result<(), Fault> {
        let mut decoded = Vec::new();
        let arrivals = self.park(arrivals, ready).await?;
        for taken in self.screen(arrivals).await? {
            self.sort(taken, ready, &mut decoded).await;
        }
        self.start_calls(decoded, ready).await
    }

    /// Puts a delivery either among those that need an outside call or among those that are ready.
    pub(super) async fn sort(&self, taken: Taken, ready: &mut Vec<Ready<H>>, decoded: &mut Vec<Box<Decoded<H>>>) {
        let handler = &self.consumer.handler;
        let Taken { receipt, incoming, came_back } = taken;
        let read = catch_unwind(AssertUnwindSafe(|| handler.decode(&incoming)))
            .unwrap_or_else(|panic| Err(Failure::Panicked(panic_text(panic.as_ref()))));
        let prepared = match read {
            Err(failure) => Prepared::Failed(incoming, failure),
            Ok(message) if !handler.concerns(&message) => {
                Prepared::Unconcerned((incoming.replays() > 0).then_some(receipt.identity))
            }
            Ok(message) if H::CALLS_OUTSIDE => {
                decoded.push(Box::new(Decoded { taken: Taken { receipt, incoming, came_back }, message }));
                return;
            }
            Ok(message) => match call(handler.as_ref(), &incoming, &message, H::Context::default()).await {
                Ok(fetched) => Prepared::Fresh(Delivery { incoming, message, fetched }),
                Err(failure) => Prepared::Failed(incoming, failure),
            },
        };
        ready.push(Ready { receipt, prepared });
    }

    /// After the signal to stop: no new deliveries, the calls in hand are finished, the rest goes back to the queue with the
    /// channel.
    pub(super) async fn drain(&mut self, channel: &Channel) -> Result<(), Fault> {
        let cancel = channel.basic_cancel(H::ROLE.into(), BasicCancelOptions::default());
        in_time("cancelling the consumer", CLOSE_DEADLINE, cancel).await?;
        let deadline = Instant::now() + self.consumer.args.drain();
        let mut ready = Vec::new();
        while let Ok(Some(called)) = timeout_at(deadline, self.calls.join_next()).await {
            ready.extend(called.ok().and_then(|called| self.returned(called)));
        }
        self.finish(ready).await
    }
}
