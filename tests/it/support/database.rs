//! A database per test on the server of `DATABASE_URL`, with all migrations applied, dropped at the end whatever the outcome.
//!
//! The migrations run once into a template whose name carries their checksum; each test gets a copy of it.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Advisory lock under which the template is made (any number that nobody else on the server uses).
const TEMPLATE_LOCK: i64 = 0x6f72_6465_725f_6974;

/// Dropping it drops the database.
pub struct TestDatabase {
    server: PgConnectOptions,
    name: String,
    pub pool: PgPool,
}

impl TestDatabase {
    pub async fn create() -> Self {
        let server = server();
        let mut admin = PgConnection::connect_with(&server).await.expect("the server of DATABASE_URL answers");
        let template = ensure_template(&mut admin, &server).await;
        let name = format!("fleet_test_{}", uuid::Uuid::new_v4().simple());
        run(&mut admin, format!("create database {name} template {template}")).await;
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(60))
            .connect_lazy_with(server.clone().database(&name));
        Self { server, name, pool }
    }

    /// Closes the database to everyone and cuts who is connected: an outage that touches no other test.
    pub async fn go_away(&self) {
        let mut admin = PgConnection::connect_with(&self.server).await.expect("the server answers");
        run(&mut admin, format!("alter database {} allow_connections false", self.name)).await;
        sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1")
            .bind(&self.name)
            .execute(&mut admin)
            .await
            .expect("cuts the connections");
    }

    pub async fn come_back(&self) {
        let mut admin = PgConnection::connect_with(&self.server).await.expect("the server answers");
        run(&mut admin, format!("alter database {} allow_connections true", self.name)).await;
    }

    /// Address of this database, as in DATABASE_URL; `server` (host:port) stands in for the real one.
    pub fn url(&self, server: Option<std::net::SocketAddr>) -> String {
        let url = address();
        let (before, _) = url.rsplit_once('/').expect("DATABASE_URL names a database");
        let before = match (server, before.rsplit_once('@')) {
            (Some(server), Some((user, _))) => format!("{user}@{server}"),
            (Some(server), None) => format!("postgres://{server}"),
            (None, _) => before.to_owned(),
        };
        format!("{before}/{}", self.name)
    }

    /// Where the server listens, as in 127.0.0.1:5432.
    pub fn server(&self) -> String {
        format!("{}:{}", self.server.get_host(), self.server.get_port())
    }

    /// The one number that `sql` selects.
    pub async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.expect(sql)
    }

    /// Runs one statement.
    pub async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.pool).await.expect(sql);
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // the test's own runtime may be ending: a thread with a small one of its own drops the database
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let mut admin = PgConnection::connect_with(&server).await.expect("the server answers");
                run(&mut admin, format!("drop database {name} with (force)")).await;
            });
        });
        let dropped = dropping.join();
        if !std::thread::panicking() {
            dropped.expect("the test database is dropped");
        }
    }
}

fn server() -> PgConnectOptions {
    PgConnectOptions::from_str(&address()).expect("DATABASE_URL is an address of PostgreSQL")
}

#[expect(clippy::disallowed_methods, reason = "tests have no command line; the address comes from ./dev test")]
fn address() -> String {
    let Ok(url) = std::env::var("DATABASE_URL") else {
        panic!("DATABASE_URL is not set: run the tests by `./dev test`, which starts a PostgreSQL and sets it");
    };
    url
}

async fn ensure_template(admin: &mut PgConnection, server: &PgConnectOptions) -> String {
    let checksum = MIGRATIONS.iter().flat_map(|migration| migration.checksum.iter()).fold(0_u64, |sum, &byte| {
        // FNV-1a: enough to tell one set of migrations from another
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let name = format!("fleet_template_{checksum:016x}");
    sqlx::query("select pg_advisory_lock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut *admin)
        .await
        .expect("the template's lock");
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&name)
        .fetch_one(&mut *admin)
        .await
        .expect("the list of databases");
    if !exists {
        // renamed only when finished, so that a half-migrated one is never taken for the template
        let unfinished = format!("{name}_unfinished");
        run(admin, format!("drop database if exists {unfinished} with (force)")).await;
        run(admin, format!("create database {unfinished}")).await;
        let mut connection =
            PgConnection::connect_with(&server.clone().database(&unfinished)).await.expect("connects to the template");
        MIGRATIONS.run(&mut connection).await.expect("the migrations run");
        connection.close().await.expect("the template is left alone");
        run(admin, format!("alter database {unfinished} rename to {name}")).await;
    }
    sqlx::query("select pg_advisory_unlock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(admin)
        .await
        .expect("the lock is given back");
    name
}

async fn run(admin: &mut PgConnection, sql: String) {
    // names of databases cannot be parameters; these are made here, of letters and digits
    sqlx::query(AssertSqlSafe(sql.clone())).execute(admin).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}
