//! Which letters of a replay would change nothing: they are marked as resolved and not sent.

use std::collections::HashMap;

use futures_util::stream::{self, StreamExt};
use uuid::Uuid;

use super::runner::Run;
use crate::dead_letters::consumers::Verdict;
use crate::dead_letters::way_back::{again, inbox_id, way_back};
use crate::store::dead_letters::{self as store, DeadLetter, State};
use crate::store::inbox;

/// Rehearsals at the same time, each with a connection of its own.
const REHEARSED_AT_ONCE: usize = 4;

impl Run<'_> {
    /// By letter, with the reason.
    pub(super) async fn needless(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, String>, sqlx::Error> {
        if !self.operation.watched {
            return Ok(HashMap::new());
        }
        let mut db = self.runner.db.acquire().await?;
        let letters = store::whole(&mut db, ids).await?;
        drop(db);
        let free = letters.into_iter().filter(|letter| letter.summary.state == State::Unresolved);
        let (pool, consumers) = (&self.runner.db, &self.runner.consumers);
        let (plain, others): (Vec<_>, Vec<_>) =
            free.partition(|letter| consumers.applies_all_new(&letter.summary.queue));
        let mut needless = self.known(plain).await?;
        let mut verdicts = stream::iter(others)
            .map(async |letter| (letter.summary.id, consumers.rehearse(pool, letter).await))
            .buffer_unordered(REHEARSED_AT_ONCE);
        while let Some((id, verdict)) = verdicts.next().await {
            if let Verdict::Skip { why } = verdict {
                needless.insert(id, why);
            }
        }
        drop(verdicts);
        if !needless.is_empty() {
            let mut db = self.runner.db.acquire().await?;
            let ids: Vec<Uuid> = needless.keys().copied().collect();
            store::settle_needless(&mut db, &ids).await?;
        }
        Ok(needless)
    }

    /// Those that their consumer has handled before; asked for all of them at once, where nothing else can make one needless.
    async fn known(&self, letters: Vec<DeadLetter>) -> Result<HashMap<Uuid, String>, sqlx::Error> {
        let mut by_consumer: HashMap<&'static str, HashMap<Uuid, Uuid>> = HashMap::new();
        for letter in letters {
            let consumer = self.runner.consumers.inbox_of(&letter.summary.queue);
            let (Some(consumer), Some(way)) = (consumer, way_back(&letter.summary)) else { continue };
            let id = letter.summary.id;
            by_consumer.entry(consumer).or_default().insert(inbox_id(&again(letter, way, true)), id);
        }
        let mut known = HashMap::new();
        for (consumer, messages) in by_consumer {
            let ids: Vec<Uuid> = messages.keys().copied().collect();
            let mut db = self.runner.db.acquire().await?;
            let handled = inbox::known(&mut db, consumer, &ids).await?;
            let why = "it has been handled before".to_owned();
            known.extend(handled.iter().filter_map(|id| Some((*messages.get(id)?, why.clone()))));
        }
        Ok(known)
    }
}
