//! Acknowledges what is settled with as few frames as possible: one multiple-ack covers everything up to the oldest delivery
//! that is still in hand, single acks the rest.

use std::collections::BTreeMap;

use lapin::Acker;
use lapin::options::BasicAckOptions;
use uuid::Uuid;

use super::broker::{BrokerError, DEADLINE, in_time};

/// One message that was taken, on behalf of which its delivery is acknowledged. The members of a bundle share the delivery.
#[derive(Clone)]
pub struct Receipt {
    pub tag: u64,
    pub acker: Acker,
    /// What the inbox knows the message by.
    pub identity: Uuid,
}

/// The deliveries of one channel that are not yet settled: by delivery tag, the messages of each that are still in hand.
#[derive(Default)]
pub struct InHand {
    tags: BTreeMap<u64, usize>,
    messages: usize,
}

impl InHand {
    pub fn take(&mut self, tag: u64, messages: usize) {
        self.tags.insert(tag, messages);
        self.messages += messages;
    }

    /// Messages, not deliveries.
    pub fn len(&self) -> usize {
        self.messages
    }

    /// Notes these messages as settled, and acknowledges the deliveries of which nothing is left in hand. `false` means that the channel is
    /// gone and all of it comes again.
    ///
    /// # Errors
    /// [`BrokerError`] when the broker cannot be written to in time.
    pub async fn ack(&mut self, settled: Vec<Receipt>) -> Result<bool, BrokerError> {
        let mut whole: Vec<(u64, Acker)> = Vec::with_capacity(settled.len());
        for Receipt { tag, acker, .. } in settled {
            if self.settle(tag) {
                whole.push((tag, acker));
            }
        }
        whole.sort_unstable_by_key(|(tag, _)| *tag);
        let tags: Vec<u64> = whole.iter().map(|(tag, _)| *tag).collect();
        let split = covered(&tags, self.tags.first_key_value().map(|(tag, _)| *tag));
        let (together, single) = whole.split_at(split);
        let mut acked = true;
        if let Some((_, acker)) = together.last() {
            acked &= in_time("acknowledging", DEADLINE, ack(acker, true)).await?;
        }
        for (_, acker) in single {
            acked &= in_time("acknowledging", DEADLINE, ack(acker, false)).await?;
        }
        Ok(acked)
    }

    /// Whether this was the last message of its delivery.
    fn settle(&mut self, tag: u64) -> bool {
        let Some(left) = self.tags.get_mut(&tag) else { return false };
        *left = left.saturating_sub(1);
        self.messages = self.messages.saturating_sub(1);
        let last = *left == 0;
        if last {
            self.tags.remove(&tag);
        }
        last
    }
}

/// Everything up to this delivery.
pub(super) async fn ack_up_to(acker: &Acker) -> Result<bool, lapin::Error> {
    ack(acker, true).await
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

    #[test]
    fn a_delivery_is_settled_with_the_last_of_its_messages() {
        let mut in_hand = InHand::default();
        in_hand.take(1, 2);
        in_hand.take(2, 1);
        assert_eq!(in_hand.len(), 3);
        assert!(!in_hand.settle(1));
        assert!(in_hand.settle(2));
        assert!(in_hand.settle(1));
        assert_eq!(in_hand.len(), 0);
    }
}
