//! Rows by table, bytes of the log and statements by their time, from the database's own counters. Used by [`super::play`]. Read while no
//! fleet runs: a connection reports what it did when it ends, else up to ten seconds later.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

/// Rows since the server's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableFigures {
    pub inserted: f64,
    pub updated: f64,
    /// Of the updated: without a change to any index.
    pub updated_in_place: f64,
    pub deleted: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    pub tables: BTreeMap<String, TableFigures>,
    /// Of the write-ahead log.
    pub log_bytes: f64,
    pub commits: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    pub calls: i64,
    pub rows: i64,
    pub milliseconds: f64,
    pub text: String,
}

impl Rows {
    /// # Errors
    /// When the database is away.
    pub async fn read(db: &PgPool) -> anyhow::Result<Self> {
        let tables: Vec<(String, i64, i64, i64, i64)> = sqlx::query_as(
            "select relname::text, n_tup_ins, n_tup_upd, n_tup_hot_upd, n_tup_del from pg_stat_user_tables \
             where schemaname = 'public'",
        )
        .fetch_all(db)
        .await
        .context("the tables' counters cannot be read")?;
        let (log_bytes, commits): (f64, i64) = sqlx::query_as(
            "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8, \
                    (select xact_commit from pg_stat_database where datname = current_database())",
        )
        .fetch_one(db)
        .await
        .context("the database's counters cannot be read")?;
        let figures = |(name, inserted, updated, in_place, deleted): (String, i64, i64, i64, i64)| {
            let [inserted, updated, updated_in_place, deleted] =
                [inserted, updated, in_place, deleted].map(|n| n as f64);
            (name, TableFigures { inserted, updated, updated_in_place, deleted })
        };
        Ok(Self { tables: tables.into_iter().map(figures).collect(), log_bytes, commits: commits as f64 })
    }

    /// What was written since, per order.
    #[must_use]
    pub fn since(&self, before: &Self, orders: u64) -> Self {
        let orders = orders.max(1) as f64;
        let mut tables = BTreeMap::new();
        for (name, now) in &self.tables {
            let then = before.tables.get(name).copied().unwrap_or_default();
            let figures = TableFigures {
                inserted: (now.inserted - then.inserted) / orders,
                updated: (now.updated - then.updated) / orders,
                updated_in_place: (now.updated_in_place - then.updated_in_place) / orders,
                deleted: (now.deleted - then.deleted) / orders,
            };
            if figures != TableFigures::default() {
                tables.insert(name.clone(), figures);
            }
        }
        let log_bytes = (self.log_bytes - before.log_bytes) / orders;
        Self { tables, log_bytes, commits: (self.commits - before.commits) / orders }
    }

    /// Inserted, updated or deleted.
    pub fn changed(&self) -> f64 {
        self.tables.values().map(|table| table.inserted + table.updated + table.deleted).sum()
    }
}

/// Does what the database would do by and by with what is there, so that nobody who comes after pays for it.
///
/// # Errors
/// When the database is away.
pub async fn tidy(db: &PgPool) -> anyhow::Result<()> {
    for work in ["vacuum (analyze)", "checkpoint"] {
        sqlx::query(work).execute(db).await.context(work)?;
    }
    Ok(())
}

/// Forgets all statements so far; nothing happens where the extension is not switched on.
///
/// # Errors
/// When the database is away.
pub async fn forget_statements(db: &PgPool) -> anyhow::Result<()> {
    sqlx::query("create extension if not exists pg_stat_statements").execute(db).await?;
    sqlx::query("select pg_stat_statements_reset()").execute(db).await?;
    Ok(())
}

/// The statements that took longest in all.
///
/// # Errors
/// When the database is away or the extension is not there.
pub async fn statements(db: &PgPool) -> anyhow::Result<Vec<Statement>> {
    let rows: Vec<(i64, i64, f64, String)> = sqlx::query_as(
        "select calls, rows, total_exec_time, regexp_replace(query, '\\s+', ' ', 'g') from pg_stat_statements \
         where dbid = (select oid from pg_database where datname = current_database()) \
         order by total_exec_time desc limit 15",
    )
    .fetch_all(db)
    .await
    .context("pg_stat_statements cannot be read")?;
    let statement = |(calls, rows, milliseconds, text)| Statement { calls, rows, milliseconds, text };
    Ok(rows.into_iter().map(statement).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_per_order() {
        let table = |inserted| TableFigures { inserted, ..TableFigures::default() };
        let rows = |inserted, log_bytes| Rows {
            tables: [("orders".to_owned(), table(inserted)), ("idle".to_owned(), table(3.0))].into(),
            log_bytes,
            commits: 0.0,
        };
        let written = rows(30.0, 5_000.0).since(&rows(10.0, 1_000.0), 10);
        assert_eq!((written.changed(), written.log_bytes, written.tables.len()), (2.0, 400.0, 1));
    }
}
