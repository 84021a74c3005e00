//! How to reach PostgreSQL.

use std::time::Duration;

use clap::Args;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

/// Longest wait for a connection of the pool. Short: whoever waits longer is told that the database is away, and pauses.
const ACQUIRE_DEADLINE: Duration = Duration::from_secs(5);

/// The planner's settings for statements that ask by key: one plan for all values, along the indexes.
const BY_KEY: [(&str, &str); 4] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

#[derive(Args, Clone)]
pub struct DatabaseArgs {
    /// PostgreSQL, as in postgres://user:password@host:5432/database.
    #[arg(
        long,
        env = "DATABASE_URL",
        hide_env_values = true,
        default_value = "postgres://127.0.0.1:5432/orders",
        value_name = "URL"
    )]
    pub database_url: String,

    /// Most connections of one process for its workers; what answers people keeps as many again, and its readers, too.
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value_t = 16, value_name = "COUNT")]
    pub database_connections: u32,
}

impl DatabaseArgs {
    /// A pool that connects when first used, so that a service starts while the database is still away. For questions of any shape.
    ///
    /// `name` is what `pg_stat_activity` shows.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn pool(&self, name: &str) -> Result<PgPool, sqlx::Error> {
        self.pool_with(name, &[])
    }

    /// As [`DatabaseArgs::pool`], for those who move orders: each of their statements asks for rows by key, so it is planned once and
    /// always the same way. What the statistics say of a table that was empty a minute ago cannot mislead it.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn pool_by_key(&self, name: &str) -> Result<PgPool, sqlx::Error> {
        self.pool_with(name, &BY_KEY)
    }

    fn pool_with(&self, name: &str, planning: &[(&str, &str)]) -> Result<PgPool, sqlx::Error> {
        let options: PgConnectOptions = self.database_url.parse()?;
        // Server-side bounds: a statement that waits for a lock or a client that hangs must not hold rows for ever.
        let bounds =
            [("statement_timeout", "30s"), ("lock_timeout", "10s"), ("idle_in_transaction_session_timeout", "60s")];
        let options = options.application_name(name).options(bounds).options(planning.iter().copied());
        Ok(PgPoolOptions::new()
            .max_connections(self.database_connections)
            .acquire_timeout(ACQUIRE_DEADLINE)
            .connect_lazy_with(options))
    }
}
