//! Acknowledges what is settled with as few frames as possible: one multiple-ack covers everything up to the oldest delivery
//! that is still in hand, single acks the rest.

use std::collections::BTreeSet;

use lapin::Acker;
use lapin::options::BasicAckOptions;

use super::broker::{BrokerError, DEADLINE, in_time};

/// The deliveries of one channel that are not yet settled, by delivery tag.
#[derive(Default)]
pub struct InHand {
    tags: BTreeSet<u64>,
}

impl InHand {
    pub fn take(&mut self, tag: u64) {
        self.tags.insert(tag);
    }

    pub fn len(&self) -> usize {
        self.tags.len()
    }

    /// Acknowledges `settled` (tag and acker). `false` means that the channel is gone and all of it comes again.
    ///
    /// # Errors
    /// [`BrokerError`] when the broker cannot be written to in time.
    pub async fn ack(&mut self, mut settled: Vec<(u64, Acker)>) -> Result<bool, BrokerError> {
        for (tag, _) in &settled {
            self.tags.remove(tag);
        }
        settled.sort_unstable_by_key(|(tag, _)| *tag);
        let split = covered(&settled.iter().map(|(tag, _)| *tag).collect::<Vec<_>>(), self.tags.first().copied());
        let (together, single) = settled.split_at(split);
        let mut acked = true;
        if let Some((_, acker)) = together.last() {
            acked &= in_time("acknowledging", DEADLINE, ack(acker, true)).await?;
        }
        for (_, acker) in single {
            acked &= in_time("acknowledging", DEADLINE, ack(acker, false)).await?;
        }
        Ok(acked)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that acknowledges")]
async fn ack(acker: &Acker, multiple: bool) -> Result<bool, lapin::Error> {
    acker.ack(BasicAckOptions { multiple }).await
}

/// How many of the sorted tags lie below the oldest one still in hand.
fn covered(settled: &[u64], oldest_in_hand: Option<u64>) -> usize {
    oldest_in_hand.map_or(settled.len(), |oldest| settled.partition_point(|tag| *tag < oldest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multiple_ack_never_covers_a_delivery_that_is_still_in_hand() {
        assert_eq!(covered(&[1, 2, 3], None), 3);
        assert_eq!(covered(&[1, 2, 5], Some(4)), 2);
        assert_eq!(covered(&[5, 6], Some(4)), 0);
    }
}
