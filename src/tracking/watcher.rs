//! One client of a stream: what the poll knows of it, and the end that the client reads.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::places::Place;
use crate::contract::tracking::{LiveEvent, Transition};

/// What the poll tells a client.
#[derive(Clone, Debug)]
pub(super) enum Update {
    Transition(Arc<Transition>),
    /// Everything up to this position has been sent.
    Current(i64),
}

/// The poll's end. Its position is where the client stands: what does not fit into its buffer stays in the database and is read again.
#[derive(Debug)]
pub(super) struct Watcher {
    sender: mpsc::Sender<Update>,
    position: i64,
    /// Has been told so.
    is_current: bool,
    /// Since when nothing fits into its buffer.
    full_since: Option<Instant>,
}

impl AsRef<Self> for Watcher {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Watcher {
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Whether something fits into its buffer.
    pub fn has_room(&self) -> bool {
        self.sender.capacity() > 0
    }

    /// Sends one transition unless the client has it already. False: it does not fit, and nothing after it may be sent before.
    pub fn offer(&mut self, transition: &Arc<Transition>) -> bool {
        if transition.id <= self.position {
            return true;
        }
        let fits = self.send(Update::Transition(Arc::clone(transition)));
        if fits {
            self.position = transition.id;
        }
        fits
    }

    /// Everything up to `position` has been offered and taken.
    pub fn reaches(&mut self, position: i64) {
        self.position = self.position.max(position);
        if !self.is_current {
            self.is_current = self.send(Update::Current(self.position));
        }
    }

    fn send(&mut self, update: Update) -> bool {
        match self.sender.try_send(update) {
            Ok(()) => {
                self.full_since = None;
                true
            }
            Err(TrySendError::Full(_)) => {
                self.full_since.get_or_insert_with(Instant::now);
                false
            }
            Err(TrySendError::Closed(_)) => false,
        }
    }

    /// Whether the client has gone.
    pub fn is_gone(&self) -> bool {
        self.sender.is_closed()
    }

    /// Whether the client has taken nothing for so long although there was something.
    pub fn is_stuck(&self, patience: Duration) -> bool {
        self.full_since.is_some_and(|since| since.elapsed() > patience && !self.has_room())
    }
}

/// Why a stream ends. Whoever reads it may come back and resume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// This process stops; another one, or the next, goes on.
    Shutdown,
    /// The client took nothing for too long.
    TooSlow,
    /// Every stream ends after a while, so that clients spread over new processes and none is kept for a client that has vanished.
    Lifetime,
}

/// The client's end.
#[derive(Debug)]
pub struct Watch {
    updates: mpsc::Receiver<Update>,
    position: i64,
    closing: CancellationToken,
    heartbeat: Interval,
    /// Everything up to the beginning has been told; before, there are no heartbeats.
    is_current: bool,
    ends_at: Instant,
    _place: Place,
}

/// How long things last in a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rhythm {
    pub heartbeat: Duration,
    pub lifetime: Duration,
}

/// Both ends of a stream that starts after `position`.
pub(super) fn pair(
    position: i64,
    buffer: usize,
    rhythm: Rhythm,
    closing: CancellationToken,
    place: Place,
) -> (Watcher, Watch) {
    let (sender, updates) = mpsc::channel(buffer);
    let now = Instant::now();
    let mut heartbeat = interval_at(now + rhythm.heartbeat, rhythm.heartbeat);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watcher = Watcher { sender, position, is_current: false, full_since: None };
    let ends_at = now + rhythm.lifetime;
    (watcher, Watch { updates, position, closing, heartbeat, is_current: false, ends_at, _place: place })
}

impl Watch {
    /// The next event. May be dropped while it waits: nothing is lost then.
    ///
    /// # Errors
    /// Why the stream ends.
    pub async fn next(&mut self) -> Result<LiveEvent, Ending> {
        tokio::select! {
            biased;
            () = self.closing.cancelled() => Err(Ending::Shutdown),
            update = self.updates.recv() => match update {
                Some(Update::Transition(transition)) => {
                    self.position = transition.id;
                    Ok(LiveEvent::Transition(transition.as_ref().clone()))
                }
                Some(Update::Current(position)) => {
                    (self.position, self.is_current) = (position, true);
                    Ok(self.alive())
                }
                None => Err(Ending::TooSlow),
            },
            () = tokio::time::sleep_until(self.ends_at) => Err(Ending::Lifetime),
            _ = self.heartbeat.tick(), if self.is_current => Ok(self.alive()),
        }
    }

    fn alive(&self) -> LiveEvent {
        LiveEvent::Heartbeat { at: OffsetDateTime::now_utc(), after: self.position }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::super::places::Places;
    use super::*;
    use crate::domain::{CustomerId, OrderId};
    use crate::tracking::Subject;

    fn stream() -> (Watcher, Watch) {
        let customer = CustomerId::parse("c-1").expect("valid");
        let place = Places::new(1, 1).take(&Subject::Customer(customer)).expect("a place");
        let rhythm = Rhythm { heartbeat: Duration::from_secs(15), lifetime: Duration::from_secs(600) };
        pair(7, 2, rhythm, CancellationToken::new(), place)
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_no_heartbeat_before_everything_is_told() {
        let (mut watcher, mut watch) = stream();
        // the database is away for so long
        assert!(timeout(Duration::from_secs(100), watch.next()).await.is_err());
        watcher.reaches(9);
        for _ in 0..2 {
            let Ok(LiveEvent::Heartbeat { after, .. }) = watch.next().await else { panic!("a heartbeat") };
            assert_eq!(after, 9);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_fit_is_offered_again_from_where_the_client_stands() {
        let (mut watcher, mut watch) = stream();
        let transition = |id| {
            let order_id = OrderId::mint();
            Arc::new(Transition {
                id,
                order_id,
                at: OffsetDateTime::UNIX_EPOCH,
                event: "accepted".to_owned(),
                status: crate::domain::OrderStatus::Pending,
                step: None,
                detail: None,
                actor: None,
                message_id: None,
                correlation_id: None,
            })
        };
        let taken: Vec<bool> = [6, 8, 9, 10].map(|id| watcher.offer(&transition(id))).into();
        assert_eq!((taken, watcher.position(), watcher.has_room()), (vec![true, true, true, false], 9, false));
        tokio::time::advance(Duration::from_secs(11)).await;
        assert!(watcher.is_stuck(Duration::from_secs(10)));
        for id in [8, 9] {
            assert_eq!(watch.next().await.expect("told").position(), id);
        }
        assert!(!watcher.is_stuck(Duration::from_secs(10)) && watcher.offer(&transition(10)));
        drop(watch);
        assert!(watcher.is_gone());
    }
}
