//! What a rehearsal needs of the database: patience with locks, and to know what was written.

use std::collections::BTreeMap;

use sqlx::PgConnection;

/// In this transaction, nobody waits longer than two seconds for a lock.
///
/// # Errors
/// Any database error.
pub async fn be_impatient(db: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("set local lock_timeout = '2s'").execute(db).await.map(drop)
}

/// Rows that this connection has written and not reported to the statistics yet, by table: a transaction's own, and at most those of a
/// second before it. What has come in between two looks was written in between.
///
/// # Errors
/// Any database error.
pub async fn written(db: &mut PgConnection) -> Result<BTreeMap<String, i64>, sqlx::Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        // as pg_stat_xact_user_tables, without what that joins: this is asked twice for each letter
        "select relname, rows from (
             select c.relname::text, pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid)
                 + pg_stat_get_xact_tuples_deleted(c.oid) as rows
             from pg_class c where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace) t
         where rows > 0",
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().collect())
}
