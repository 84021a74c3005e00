//! The end of a replay: written down with its figures, and with the groups of which nothing is left.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::access::{Actor, Trust};
use crate::store::audit_log::{self, Deed};
use crate::store::dead_letters::{self as store, Operation, OperationState};

/// Ends a running operation in the name of whoever began it. Groups whose last letters it has brought home are resolved.
///
/// # Errors
/// Any database error.
pub(super) async fn end(
    db: &mut PgConnection,
    now: &Operation,
    to: OperationState,
    why: Option<&str>,
) -> Result<(), sqlx::Error> {
    if !store::turn(db, now.id, &[OperationState::Running], to, why).await? {
        return Ok(());
    }
    // without watching, nobody knows how they have ended
    let resolved = if now.watched { store::resolve_emptied(db, now.id).await? } else { Vec::new() };
    let actor = whoever(&now.operator);
    let reason = format!("nothing of it is left after replay {}", now.id);
    for group in resolved {
        note(db, &actor, "dead_letter_group.resolve", &format!("dead-letter-group:{group}"), Some(&reason), None)
            .await?;
    }
    let after = json!({"state": to, "total": now.total, "applied": now.applied, "failed": now.failed,
        "skipped": now.skipped, "unseen": now.unseen, "kept": now.kept});
    note(db, &actor, "replay.end", &target(now.id), why, Some(&after)).await
}

pub(super) fn target(operation: Uuid) -> String {
    format!("replay:{operation}")
}

async fn note(
    db: &mut PgConnection,
    actor: &Actor,
    action: &str,
    target: &str,
    reason: Option<&str>,
    after: Option<&serde_json::Value>,
) -> Result<(), sqlx::Error> {
    audit_log::append(db, &Deed { actor, action, target, reason, before: None, after, correlation_id: None }).await
}

/// The actor behind a text like `operator:anna`.
fn whoever(text: &str) -> Actor {
    match text.split_once(':') {
        Some(("operator", subject)) => Actor::person(subject, Trust::Operator),
        Some(("admin", subject)) => Actor::person(subject, Trust::Admin),
        Some(("service", name)) => Actor::service(name, Trust::Operator),
        Some(_) | None => Actor::system("replay"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_began_it_is_named_again_when_it_ends() {
        for text in ["operator:anna", "admin:root", "service:shop-1"] {
            assert_eq!(whoever(text).to_string(), text);
        }
        assert_eq!(whoever("anyone").to_string(), "system:replay");
    }
}
