//! What one process of the simulated gateway remembers of keys: which hold money, how often each has failed. Used by [`super::SimulatedGateway`].

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

/// Where one key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// To be decided later.
    Open,
    Held,
    Refunded,
    /// Refunded before anything was held.
    Voided,
}

/// The newest keys, oldest forgotten first.
#[derive(Debug)]
pub(super) struct Ledger<T> {
    entries: HashMap<Uuid, T>,
    order: VecDeque<Uuid>,
    most: usize,
}

impl<T: Copy> Ledger<T> {
    pub(super) fn new(most: usize) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), most }
    }

    pub(super) fn get(&self, key: Uuid) -> Option<T> {
        self.entries.get(&key).copied()
    }

    pub(super) fn set(&mut self, key: Uuid, entry: T) {
        if self.entries.insert(key, entry).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_key_is_forgotten_and_memory_stays_bounded() {
        let mut ledger = Ledger::new(2);
        for key in 0..5_u128 {
            ledger.set(Uuid::from_u128(key), Entry::Held);
            ledger.set(Uuid::from_u128(key), Entry::Refunded);
        }
        assert_eq!(ledger.get(Uuid::from_u128(2)), None);
        assert_eq!(ledger.get(Uuid::from_u128(4)), Some(Entry::Refunded));
        assert_eq!((ledger.entries.len(), ledger.order.len()), (2, 2));
    }
}
