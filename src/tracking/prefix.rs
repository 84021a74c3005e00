//! Finds the part of the history in which nothing can appear any more. Pure; the customers' poll feeds it what it reads.
//!
//! Ids are drawn before they are committed, so 12 may be visible while 11 is still on its way, or was rolled back and never comes. Who
//! passes 12 on and remembers "12" misses 11. So rows are given out in the order of their ids, and never beyond an id that is not
//! decided. A missing id is decided when every transaction has ended that could have drawn it: all of those had begun when the gap
//! was seen, so they stand below that snapshot's `xmax`; once a later snapshot's `xmin` has reached it, what is not there never comes.
//! Without gaps nobody waits for anything.

use std::collections::BTreeMap;

use crate::store::tracking::{Range, Snapshot};

/// Rows held back behind a gap; with more, nothing new is read until the gap is decided. Some ten megabytes.
const MOST_HELD: usize = 50_000;

/// Ids that were not there when later ones were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    low: i64,
    high: i64,
    /// Decided once every transaction below has ended.
    barrier: i64,
}

/// What was read of the history, from a decided position on.
#[derive(Debug)]
pub(super) struct Prefix<T> {
    decided: i64,
    /// The highest id read.
    highest: i64,
    /// Between the two, ascending.
    gaps: Vec<Gap>,
    held: BTreeMap<i64, T>,
}

impl<T> Prefix<T> {
    /// Continues after a position up to which everything is decided.
    pub fn after(position: i64) -> Self {
        Self { decided: position, highest: position, gaps: Vec::new(), held: BTreeMap::new() }
    }

    /// Up to here nothing can appear any more, and everything was given out.
    pub fn decided(&self) -> i64 {
        self.decided
    }

    /// What to read next: the gaps, and whatever is new.
    pub fn ranges(&self) -> Vec<Range> {
        let new = (self.held.len() < MOST_HELD).then_some((self.highest + 1, i64::MAX));
        self.gaps.iter().map(|gap| (gap.low, gap.high)).chain(new).collect()
    }

    /// Takes what one statement found in all of [`Self::ranges`], at most `limit` rows of each in the order of their ids, and gives out
    /// what is decided now.
    pub fn advance(&mut self, found: Vec<(i64, T)>, limit: usize, seen: Snapshot) -> Vec<(i64, T)> {
        let ids: Vec<i64> = found.iter().map(|(id, _)| *id).collect();
        let mut gaps = Vec::new();
        for gap in std::mem::take(&mut self.gaps) {
            let filled: Vec<i64> = ids.iter().copied().filter(|id| (gap.low..=gap.high).contains(id)).collect();
            // beyond the limit the gap was not read
            let unread = if filled.len() < limit { None } else { filled.last().copied() };
            let is_over = seen.xmin >= gap.barrier;
            let rest = without(gap, &filled);
            gaps.extend(rest.filter(|rest| !is_over || unread.is_some_and(|last| rest.low > last)));
        }
        for &id in ids.iter().filter(|id| **id > self.highest).collect::<Vec<_>>() {
            let is_over = seen.xmin >= seen.xmax;
            if id > self.highest + 1 && !is_over {
                gaps.push(Gap { low: self.highest + 1, high: id - 1, barrier: seen.xmax });
            }
            self.highest = id;
        }
        self.gaps = gaps;
        self.held.extend(found);
        self.decided = self.gaps.first().map_or(self.highest, |gap| gap.low - 1);
        let undecided = self.held.split_off(&(self.decided + 1));
        std::mem::replace(&mut self.held, undecided).into_iter().collect()
    }
}

/// What remains of a gap when some of its ids have come.
fn without(gap: Gap, filled: &[i64]) -> impl Iterator<Item = Gap> {
    let lows = std::iter::once(gap.low).chain(filled.iter().map(|id| id + 1));
    let highs = filled.iter().map(|id| id - 1).chain(std::iter::once(gap.high));
    let pieces: Vec<Gap> = lows.zip(highs).map(|(low, high)| Gap { low, high, ..gap }).collect();
    pieces.into_iter().filter(|piece| piece.low <= piece.high)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn advance(prefix: &mut Prefix<()>, found: &[i64], xmin: i64, xmax: i64) -> Vec<i64> {
        let found = found.iter().map(|id| (*id, ())).collect();
        prefix.advance(found, 100, Snapshot { xmin, xmax }).into_iter().map(|(id, ())| id).collect()
    }

    #[test]
    fn a_row_waits_for_a_smaller_id_that_is_on_its_way_and_comes_after_it() {
        let mut prefix = Prefix::after(10);
        assert_eq!(advance(&mut prefix, &[11, 13], 500, 503), [11]);
        assert_eq!(prefix.ranges(), [(12, 12), (14, i64::MAX)]);
        assert_eq!(advance(&mut prefix, &[12, 14], 502, 504), [12, 13, 14]);
        assert_eq!((prefix.decided(), prefix.ranges()), (14, vec![(15, i64::MAX)]));
    }

    #[test]
    fn an_id_that_was_rolled_back_is_waited_for_no_longer_than_its_transaction_could_run() {
        let mut prefix = Prefix::after(10);
        assert_eq!(advance(&mut prefix, &[13], 500, 503), [0_i64; 0]);
        assert_eq!(advance(&mut prefix, &[14], 502, 510), [0_i64; 0]);
        assert_eq!(advance(&mut prefix, &[], 503, 510), [13, 14]);
    }

    #[test]
    fn with_nobody_writing_a_missing_id_is_decided_at_once() {
        let mut prefix = Prefix::after(10);
        assert_eq!(advance(&mut prefix, &[13], 503, 503), [13]);
    }

    /// Transactions that draw ids, commit, roll back; a reader that looks in between. What PostgreSQL does, without PostgreSQL.
    #[derive(Default)]
    struct Server {
        next_id: i64,
        next_xid: i64,
        running: Vec<(i64, Vec<i64>)>,
        committed: BTreeSet<i64>,
    }

    impl Server {
        fn seen(&self) -> Snapshot {
            let xmin = self.running.iter().map(|(xid, _)| *xid).min().unwrap_or(self.next_xid);
            Snapshot { xmin, xmax: self.next_xid }
        }

        fn read(&self, ranges: &[Range], limit: usize) -> Vec<(i64, ())> {
            ranges
                .iter()
                .flat_map(|range| self.committed.range(range.0..=range.1).take(limit))
                .map(|id| (*id, ()))
                .collect()
        }
    }

    proptest! {
        #[test]
        fn every_committed_row_is_given_out_once_and_in_order(
            steps in prop::collection::vec((0_u8..5, any::<prop::sample::Index>()), 1..200), limit in 1_usize..6,
        ) {
            let mut server = Server { next_id: 1, next_xid: 700, ..Server::default() };
            let mut prefix = Prefix::after(0);
            let mut given = Vec::new();
            let mut look = |server: &Server| {
                let found = server.read(&prefix.ranges(), limit);
                given.extend(prefix.advance(found, limit, server.seen()).into_iter().map(|(id, ())| id));
                let complete: Vec<i64> = server.committed.range(..=prefix.decided()).copied().collect();
                assert_eq!(given, complete, "up to the decided position everything has been given out");
                given.len()
            };
            for (step, which) in steps {
                match step {
                    0 => {
                        server.running.push((server.next_xid, Vec::new()));
                        server.next_xid += 1;
                    }
                    1 | 2 if !server.running.is_empty() => {
                        let at = which.index(server.running.len());
                        server.running[at].1.push(server.next_id);
                        server.next_id += 1;
                    }
                    3 if !server.running.is_empty() => {
                        let (xid, ids) = server.running.remove(which.index(server.running.len()));
                        if xid % 3 != 0 {
                            server.committed.extend(ids);
                        }
                    }
                    _ => drop(look(&server)),
                }
            }
            server.running.clear();
            let mut looks = 0;
            while look(&server) < server.committed.len() {
                looks += 1;
                prop_assert!(looks < 500, "everything comes in the end");
            }
        }
    }
}
