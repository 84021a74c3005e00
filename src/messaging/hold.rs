//! Publishes what a batch caused. What the broker does not take stays in hand with its inputs, and is offered again until it is taken:
//! a missing binding, an alarm or a full queue spends neither attempts nor the broker's count of deliveries.

use std::borrow::Cow;

use super::acks::Receipt;
use super::fault::Fault;
use super::session::Session;
use super::{Backoff, Handler, PublishError, Publisher, Verdict, Wire};
use crate::contract::Unroutable;
use crate::telemetry::{chain, metrics};

/// What the broker did not take of a batch, and why.
struct Refused {
    /// `None`: nobody knows what was stored, so all of it.
    left: Option<Vec<Wire>>,
    why: Fault,
}

impl<H: Handler> Session<'_, H> {
    /// Publishes until everything is stored. `inputs` are the deliveries that caused it.
    ///
    /// # Errors
    /// When the inputs are lost, too, when the process is to stop, or when waiting cannot help: all of it comes again.
    pub(super) async fn publish(&mut self, wires: &[Wire], inputs: &[Receipt]) -> Result<(), Fault> {
        let mut left = Cow::Borrowed(wires);
        let mut backoff = Backoff::default();
        let (mut rounds, mut held) = (0_u32, false);
        while let Err(refused) = self.offer(&left).await {
            if let Some(some) = refused.left {
                left = Cow::Owned(some);
            }
            rounds += 1;
            if rounds > 1 && refused.why.blames_a_message() {
                // It would be held for ever. So its inputs go back, and the broker counts.
                return Err(refused.why);
            }
            // One channel that closes is nothing special: every id stays the same, so all of it is offered once more on a new one.
            if rounds > 1 || !matches!(refused.why, Fault::Publish(PublishError::Channel(_))) {
                held = true;
                self.hold(refused.why, left.len(), inputs, &mut backoff).await?;
            }
        }
        if held {
            self.held_back(0);
            self.consumer.pulse.up();
            tracing::info!(role = H::ROLE, rounds, "the broker took what had been held");
        }
        Ok(())
    }

    /// One pause, with the inputs in hand.
    async fn hold(
        &mut self,
        why: Fault,
        messages: usize,
        inputs: &[Receipt],
        backoff: &mut Backoff,
    ) -> Result<(), Fault> {
        // Whoever dies now does not die over these, and nobody needs to wait for them.
        self.survived(inputs).await?;
        self.alone = None;
        self.held_back(inputs.len());
        let told = chain(&why);
        self.consumer
            .pulse
            .down(format!("holding {} messages until what they caused can be published: {told}", inputs.len()));
        tracing::warn!(
            role = H::ROLE,
            inputs = inputs.len(),
            messages,
            fault = told,
            "the broker does not take it, holding"
        );
        tokio::select! {
            () = tokio::time::sleep(backoff.next_pause()) => {}
            () = self.shutdown.cancelled() => return Err(why),
        }
        match inputs.first().is_none_or(|input| input.acker.usable()) {
            true => Ok(()),
            false => Err(why),
        }
    }

    fn held_back(&self, inputs: usize) {
        metrics().held.with_label_values(&[H::ROLE]).set(i64::try_from(inputs).unwrap_or(i64::MAX));
    }

    async fn offer(&mut self, wires: &[Wire]) -> Result<(), Refused> {
        if wires.is_empty() {
            return Ok(());
        }
        let in_doubt = |why| Refused { left: None, why };
        let mut publisher = self.publisher().await.map_err(in_doubt)?;
        // A publisher that failed is thrown away.
        let verdicts = publisher.publish(wires).await.map_err(|error| in_doubt(error.into()))?;
        self.publisher = Some(publisher);
        let (mut left, mut last) = (Vec::new(), None);
        for (wire, verdict) in wires.iter().zip(verdicts) {
            let why = match (verdict, wire.unroutable) {
                (Verdict::Stored, _) => continue,
                (Verdict::Unroutable(way), Unroutable::Drop) => {
                    tracing::info!(role = H::ROLE, way, message_id = %wire.message_id, "nobody waits for this answer any more");
                    continue;
                }
                (Verdict::Unroutable(way), Unroutable::Keep) => Fault::Unroutable(way),
                (Verdict::Rejected, _) => Fault::Rejected(wire.exchange.clone()),
            };
            left.push(wire.clone());
            last = Some(why);
        }
        last.map_or(Ok(()), |why| Err(Refused { left: Some(left), why }))
    }

    async fn publisher(&mut self) -> Result<Publisher, Fault> {
        match self.publisher.take().filter(Publisher::is_usable) {
            Some(publisher) => Ok(publisher),
            None => Ok(self.consumer.broker.publisher(H::ROLE).await?),
        }
    }
}
