//! One call at a time for each delivery: two copies of its message may be in hand at once, and the second cannot see in the database
//! yet what the first has done. Within one process; between two, a partner may be told twice.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

/// A success is remembered here for so long: by then it is committed.
const COMMITTED: Duration = Duration::from_secs(10);
/// Entries beyond which those that say nothing any more are forgotten.
const MANY: usize = 1024;

#[derive(Default)]
pub struct Turns(Mutex<HashMap<Uuid, State>>);

#[derive(Clone, Copy)]
enum State {
    UnderWay,
    Delivered(Instant),
}

impl State {
    fn is_over(self) -> bool {
        matches!(self, Self::Delivered(at) if at.elapsed() > COMMITTED)
    }
}

/// The right to call; given back when dropped.
pub struct Turn<'a> {
    turns: &'a Turns,
    delivery: Uuid,
    has_delivered: bool,
}

impl Turns {
    /// `None` while another copy is under way, or has just been delivered; the latter does not matter when it is `forced`.
    pub fn take(&self, delivery: Uuid, forced: bool) -> Option<Turn<'_>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() > MANY {
            all.retain(|_, state| !state.is_over());
        }
        match all.get(&delivery) {
            Some(State::UnderWay) => return None,
            Some(state @ State::Delivered(_)) if !forced && !state.is_over() => return None,
            Some(State::Delivered(_)) | None => {}
        }
        all.insert(delivery, State::UnderWay);
        Some(Turn { turns: self, delivery, has_delivered: false })
    }
}

impl Turn<'_> {
    pub fn delivered(mut self) {
        self.has_delivered = true;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut all = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        match self.has_delivered {
            true => all.insert(self.delivery, State::Delivered(Instant::now())),
            false => all.remove(&self.delivery),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Uuid = Uuid::from_u128(1);

    #[tokio::test(start_paused = true)]
    async fn a_second_copy_waits_for_the_first_and_for_its_commit() {
        let turns = Turns::default();
        let first = turns.take(ONE, false).expect("free");
        assert!(turns.take(ONE, true).is_none() && turns.take(Uuid::from_u128(2), false).is_some());
        drop(first);
        turns.take(ONE, false).expect("the first has failed").delivered();
        assert!(turns.take(ONE, false).is_none());
        drop(turns.take(ONE, true).expect("a person asked"));
        turns.take(ONE, false).expect("free").delivered();
        tokio::time::advance(COMMITTED + Duration::from_millis(1)).await;
        assert!(turns.take(ONE, false).is_some());
    }
}
