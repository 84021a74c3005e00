//! Groups that a replay has emptied are resolved by it.

use sqlx::PgConnection;
use uuid::Uuid;

/// Resolves the groups of which an operation has brought the last letters home; answers which.
///
/// # Errors
/// Any database error.
pub async fn resolve_emptied(db: &mut PgConnection, operation: Uuid) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "update dead_letter_groups g set state = 'resolved', changed_at = now(), changed_by = $2
         where g.state <> 'resolved'
             and g.id in (select group_id from replay_items where operation_id = $1 and state in ('applied', 'skipped'))
             and not exists (select 1 from dead_letters d
                 where d.group_id = g.id and d.state in ('unresolved', 'replaying', 'parked'))
         returning g.id",
    )
    .bind(operation)
    .bind(by_replay(operation))
    .fetch_all(db)
    .await
}

/// The groups that an operation has resolved: id and error.
///
/// # Errors
/// Any database error.
pub async fn resolved_by(db: &mut PgConnection, operation: Uuid) -> Result<Vec<(Uuid, String)>, sqlx::Error> {
    sqlx::query_as(
        "select id, error from dead_letter_groups where state = 'resolved' and changed_by = $1 order by error limit 100",
    )
    .bind(by_replay(operation))
    .fetch_all(db)
    .await
}

fn by_replay(operation: Uuid) -> String {
    format!("replay:{operation}")
}
