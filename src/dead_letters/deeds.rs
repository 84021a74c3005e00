//! What operators do with dead letters besides replaying them, each with its entry in the audit log.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::access::Actor;
use crate::store::audit_log::{self, Deed};
use crate::store::dead_letters::{self as store, GroupChange};

/// Gives dead letters up; answers those that were open.
///
/// # Errors
/// Any database error.
pub async fn discard(
    db: &mut PgConnection,
    actor: &Actor,
    ids: &[Uuid],
    reason: &str,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let discarded = store::discard(db, ids, reason).await?;
    for id in &discarded {
        let target = format!("dead-letter:{id}");
        audit_log::append(db, &deed(actor, "dead_letter.discard", &target, Some(reason))).await?;
    }
    Ok(discarded)
}

/// Takes discards back; answers those that wait for an operator again.
///
/// # Errors
/// Any database error.
pub async fn restore(
    db: &mut PgConnection,
    actor: &Actor,
    ids: &[Uuid],
    reason: &str,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let restored = store::restore(db, ids, &format!("restored by {actor}: {reason}")).await?;
    for id in &restored {
        let target = format!("dead-letter:{id}");
        audit_log::append(db, &deed(actor, "dead_letter.restore", &target, Some(reason))).await?;
    }
    Ok(restored)
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
