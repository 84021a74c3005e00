//! How the messages of a replay have ended that were sent: their consumers' inboxes say so, or their letters, which are open again.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;
use uuid::Uuid;

use crate::dead_letters::consumers::Consumers;
use crate::dead_letters::mask::mask_text;
use crate::store::dead_letters::{self as store, ItemState, LetterNow, OnItsWay, State};
use crate::store::inbox;

/// A message that its consumer has not answered for in this time, in seconds, was not seen to end: nobody consumes, or it waits
/// behind many.
pub const UNSEEN_AFTER: f64 = 120.0;

/// A message that was sent, and what became of it; `None` while it is on its way.
pub struct Seen {
    pub position: i32,
    pub group: Option<Uuid>,
    pub fate: Option<(ItemState, Option<String>)>,
}

/// # Errors
/// Any database error.
pub async fn look(db: &mut PgConnection, operation: Uuid, consumers: &dyn Consumers) -> Result<Vec<Seen>, sqlx::Error> {
    let on_their_way = store::on_their_way(db, operation).await?;
    let mut by_consumer: HashMap<&'static str, Vec<Uuid>> = HashMap::new();
    for item in &on_their_way {
        if let Some(consumer) = consumer_of(item, consumers) {
            by_consumer.entry(consumer).or_default().push(item.message_id);
        }
    }
    let mut handled = HashSet::new();
    for (consumer, ids) in by_consumer {
        handled.extend(inbox::known(db, consumer, &ids).await?.into_iter().map(|id| (consumer, id)));
    }
    let seen = on_their_way.iter().map(|item| {
        let consumer = consumer_of(item, consumers);
        let is_handled = consumer.is_some_and(|consumer| handled.contains(&(consumer, item.message_id)));
        Seen { position: item.position, group: item.group, fate: fate(item, consumer.is_some(), is_handled) }
    });
    Ok(seen.collect())
}

fn consumer_of(item: &OnItsWay, consumers: &dyn Consumers) -> Option<&'static str> {
    match &item.letter {
        LetterNow::There { queue, .. } => consumers.inbox_of(queue),
        LetterNow::Gone { .. } => None,
    }
}

fn fate(item: &OnItsWay, is_ours_to_see: bool, is_handled: bool) -> Option<(ItemState, Option<String>)> {
    if is_handled {
        return Some((ItemState::Applied, None));
    }
    match &item.letter {
        LetterNow::Gone { is_handled: true } => return Some((ItemState::Applied, None)),
        LetterNow::Gone { is_handled: false } => {
            return Some((ItemState::Unseen, Some("its letter was deleted before it was seen to end".to_owned())));
        }
        // a process that had lost its lease, and the one that took over, have both sent it
        LetterNow::There { state: State::Replaying, is_ours: true, .. } => {}
        LetterNow::There { error, state, is_ours, .. } if !is_ours || *state != State::Resolved => {
            return Some((ItemState::Failed, Some(mask_text(error))));
        }
        LetterNow::There { .. } => {}
    }
    if !is_ours_to_see {
        return Some((ItemState::Applied, Some("handed over: its consumer is not one of the fleet".to_owned())));
    }
    let waited = item.sent_for > UNSEEN_AFTER;
    waited.then(|| (ItemState::Unseen, Some(format!("not seen to end within {UNSEEN_AFTER} s"))))
}
