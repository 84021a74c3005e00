//! What operators do with dead letters besides replaying them, each with its entry in the audit log.

use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::by::By;
use crate::access::Actor;
use crate::store::audit_log::{self, Deed};
use crate::store::dead_letters::{self as store, GroupChange};

/// What became of one letter that was named.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DeadLetterOutcome)]
pub struct Outcome {
    pub id: Uuid,
    pub done: bool,
    /// In words: what was done, or why not.
    pub detail: String,
}

/// Gives dead letters up; those that are not open stay as they are.
///
/// # Errors
/// Any database error.
pub async fn discard(db: &mut PgConnection, by: &By<'_>, ids: &[Uuid]) -> Result<Vec<Outcome>, sqlx::Error> {
    let discarded = store::discard(db, ids, by.why).await?;
    each(db, by, "dead_letter.discard", &discarded).await?;
    one_by_one(db, ids, &discarded, "discarded").await
}

/// Takes discards back; they wait for an operator again.
///
/// # Errors
/// Any database error.
pub async fn restore(db: &mut PgConnection, by: &By<'_>, ids: &[Uuid]) -> Result<Vec<Outcome>, sqlx::Error> {
    let restored = store::restore(db, ids, &format!("restored by {}: {}", by.actor, by.why)).await?;
    each(db, by, "dead_letter.restore", &restored).await?;
    one_by_one(db, ids, &restored, "restored").await
}

async fn each(db: &mut PgConnection, by: &By<'_>, action: &str, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    for id in ids {
        by.did(db, action, &format!("dead-letter:{id}"), None).await?;
    }
    Ok(())
}

/// What became of each of the letters that were named.
async fn one_by_one(
    db: &mut PgConnection,
    ids: &[Uuid],
    done: &[Uuid],
    what: &str,
) -> Result<Vec<Outcome>, sqlx::Error> {
    let states = store::states(db, ids).await?;
    let outcome = |id: &Uuid| {
        let done = done.contains(id);
        let state = states.iter().find(|(of, _)| of == id).map(|(_, state)| *state);
        let detail = match (done, state) {
            (true, _) => what.to_owned(),
            (false, Some(state)) => format!("not {what}: it is {state}"),
            (false, None) => "there is no such dead letter".to_owned(),
        };
        Outcome { id: *id, done, detail }
    };
    Ok(ids.iter().map(outcome).collect())
}

/// Writes down that somebody looked at personal data.
///
/// # Errors
/// Any database error.
pub async fn revealed(db: &mut PgConnection, actor: &Actor, id: Uuid) -> Result<(), sqlx::Error> {
    let target = format!("dead-letter:{id}");
    audit_log::append(db, &deed(actor, "dead_letter.reveal", &target, None)).await
}

/// Changes state, owner or note of a group; answers whether there is one.
///
/// # Errors
/// Any database error.
pub async fn change_group(
    db: &mut PgConnection,
    actor: &Actor,
    id: Uuid,
    change: &GroupChange,
) -> Result<bool, sqlx::Error> {
    if !store::change_group(db, id, change, &actor.to_string()).await? {
        return Ok(false);
    }
    let after = json!({"state": change.state, "owner": change.owner, "note": change.note});
    let target = format!("dead-letter-group:{id}");
    let deed = Deed { after: Some(&after), ..deed(actor, "dead_letter_group.change", &target, None) };
    audit_log::append(db, &deed).await?;
    Ok(true)
}

fn deed<'a>(actor: &'a Actor, action: &'a str, target: &'a str, reason: Option<&'a str>) -> Deed<'a> {
    Deed { actor, action, target, reason, before: None, after: None, correlation_id: None }
}
