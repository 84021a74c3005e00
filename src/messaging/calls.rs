//! The outside calls of a session: started when the breaker lets them, held back while it does not.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::time::Instant;
use uuid::Uuid;

use super::acks::Receipt;
use super::breaker::Admission;
use super::failure::panic_text;
use super::fault::Fault;
use super::session::{Prepared, Ready, Session, Taken};
use super::{Delivery, Failure, Handler, Incoming};
use crate::contract::Outgoing;
use crate::crash_points::{Boundary, crash_point, poison_point};
use crate::store::inbox;
use crate::telemetry::{chain, metrics};

/// A message that needs its outside call. Boxed wherever it goes, since it changes hands often.
pub(super) struct Decoded<H: Handler> {
    pub taken: Taken,
    pub message: H::Message,
}

/// A message whose outside call has ended.
pub(super) struct Called<H: Handler> {
    decoded: Box<Decoded<H>>,
    outcome: Result<H::Fetched, Failure>,
}

/// A message whose outside call has begun, until it is settled; and the copies of it that have come meanwhile. The inbox does not know it
/// yet, so nothing else keeps a copy from being called for, too. They end with it: acknowledged after it, delivered again with it.
pub(super) struct Calling {
    tag: u64,
    copies: Vec<Receipt>,
}

/// What the database knows of messages before their calls.
struct Found<H: Handler> {
    ids: Vec<Uuid>,
    known: HashMap<Uuid, Vec<Outgoing>>,
    contexts: Vec<H::Context>,
}

impl<H: Handler> Session<'_, H> {
    /// Starts the calls that the breaker admits and holds the others back.
    pub(super) async fn start_calls(
        &mut self,
        decoded: Vec<Box<Decoded<H>>>,
        ready: &mut Vec<Ready<H>>,
    ) -> Result<(), Fault> {
        // To the front: those that have not been tried are probed before those that have just failed, so a few messages that always
        // fail cannot keep the breaker open for all the others.
        for one in decoded.into_iter().rev() {
            self.held.push_front(one);
        }
        if self.held.is_empty() {
            return Ok(());
        }
        match self.consumer.with_breaker(|breaker| breaker.admission(Instant::now())) {
            Admission::Nothing => return Ok(()),
            Admission::All => {
                let admitted = self.held.drain(..).collect();
                self.call_all(admitted, ready).await?;
            }
            Admission::One => {
                while let Some(probe) = self.held.pop_front() {
                    if self.call_all(vec![probe], ready).await? {
                        return Ok(());
                    }
                }
                // No call was made, so nothing was found out.
                self.consumer.with_breaker(|breaker| breaker.forget_probe(Instant::now()));
            }
        }
        Ok(())
    }

    /// Calls together, or one by one where the database refuses to tell about one of them.
    async fn call_all(&mut self, decoded: Vec<Box<Decoded<H>>>, ready: &mut Vec<Ready<H>>) -> Result<bool, Fault> {
        let (mut started, mut together) = (false, vec![decoded]);
        while let Some(decoded) = together.pop() {
            let (found, one) = match self.look_up(&decoded).await {
                Ok(found) => (found, decoded),
                Err(Fault::Database(error)) if decoded.len() == 1 => {
                    let failure = Failure::Transient(chain(&error));
                    ready.extend(decoded.into_iter().map(|one| {
                        let Taken { receipt, incoming, .. } = one.taken;
                        Ready { receipt, prepared: Prepared::Failed(incoming, failure.clone()) }
                    }));
                    continue;
                }
                Err(Fault::Database(_)) => {
                    together.extend(decoded.into_iter().rev().map(|one| vec![one]));
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            started |= self.call_each(one, found, ready);
        }
        Ok(started)
    }

    /// Asks the inbox first: a message that was handled before is not worth a second call.
    async fn look_up(&self, decoded: &[Box<Decoded<H>>]) -> Result<Found<H>, Fault> {
        let handler = &self.consumer.handler;
        let ids: Vec<Uuid> = decoded.iter().map(|one| one.taken.receipt.identity).collect();
        let messages: Vec<&H::Message> = decoded.iter().map(|one| &one.message).collect();
        let look_up = || async {
            let mut db = self.db.take().await?;
            let found = (inbox::handled(&mut db, H::ROLE, &ids).await?, handler.look_up(&mut db, &messages).await?);
            db.keep();
            Ok(found)
        };
        let (known, contexts) =
            self.through_outages(decoded.first().map(|one| &one.taken.receipt.acker), look_up).await?;
        Ok(Found { ids, known, contexts })
    }

    /// Answers whether any call was started.
    fn call_each(&mut self, decoded: Vec<Box<Decoded<H>>>, found: Found<H>, ready: &mut Vec<Ready<H>>) -> bool {
        let Found { ids, mut known, contexts } = found;
        let contexts = contexts.into_iter().chain(std::iter::repeat_with(H::Context::default));
        let mut started = false;
        for ((decoded, id), context) in decoded.into_iter().zip(ids).zip(contexts) {
            if let Some(outgoing) = known.remove(&id) {
                ready.push(Ready { receipt: decoded.taken.receipt, prepared: Prepared::Known(outgoing) });
                continue;
            }
            let receipt = &decoded.taken.receipt;
            let calling = self.calling.entry(id).or_insert_with(|| Calling { tag: receipt.tag, copies: Vec::new() });
            // the message itself comes again when the breaker has held it back
            if calling.tag != receipt.tag {
                calling.copies.push(decoded.taken.receipt);
                continue;
            }
            started = true;
            let handler = Arc::clone(&self.consumer.handler);
            self.calls.spawn(async move {
                let outcome = call(handler.as_ref(), &decoded.taken.incoming, &decoded.message, context).await;
                crash_point(H::ROLE, Boundary::AfterOutsideCall);
                Called { decoded, outcome }
            });
        }
        started
    }

    /// The copies of what is settled: settled, too.
    pub(super) fn copies_of(&mut self, settled: &[Receipt]) -> Vec<Receipt> {
        let mut copies = Vec::new();
        for receipt in settled {
            if self.calling.get(&receipt.identity).is_some_and(|calling| calling.tag == receipt.tag)
                && let Some(calling) = self.calling.remove(&receipt.identity)
            {
                copies.extend(calling.copies);
            }
        }
        copies
    }

    /// Takes a call's end. While the dependency is down its failures are nobody's fault: the message waits and keeps its attempt.
    pub(super) fn returned(&mut self, Called { decoded, outcome }: Called<H>) -> Option<Ready<H>> {
        let failed = matches!(outcome, Err(Failure::Transient(_)));
        let changed = self.consumer.with_breaker(|breaker| breaker.record(!failed, Instant::now()));
        let closed = self.consumer.with_breaker(|breaker| breaker.is_closed());
        if changed {
            metrics().breaker_open.with_label_values(&[H::ROLE]).set(i64::from(!closed));
            match closed {
                true => tracing::info!(role = H::ROLE, "the dependency is back, the breaker closes"),
                false => tracing::warn!(role = H::ROLE, "the dependency fails, the breaker opens: messages wait"),
            }
        }
        if failed && !closed {
            self.held.push_back(decoded);
            return None;
        }
        let Decoded { taken: Taken { receipt, incoming, .. }, message } = *decoded;
        let prepared = match outcome {
            Ok(fetched) => Prepared::Fresh(Delivery { incoming, message, fetched }),
            Err(failure) => Prepared::Failed(incoming, failure),
        };
        Some(Ready { receipt, prepared })
    }
}

/// One outside call; a panic in it is a failure of this message alone.
pub(super) async fn call<H: Handler>(
    handler: &H,
    incoming: &Incoming,
    message: &H::Message,
    context: H::Context,
) -> Result<H::Fetched, Failure> {
    poison_point(H::ROLE, &incoming.body);
    AssertUnwindSafe(handler.call_outside(incoming, message, context))
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| Err(Failure::Panicked(panic_text(panic.as_ref()))))
}
