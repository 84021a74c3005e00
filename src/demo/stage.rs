//! A fresh database and a fresh vhost for one run, removed at its end: what the developer has on the same servers stays untouched, and
//! every run starts from the same nothing. Made by [`super::run`].

use std::str::FromStr;

use anyhow::{Context, ensure};
use lapin::uri::AMQPUri;
use reqwest::Url;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use time::OffsetDateTime;
use time::macros::format_description;

use super::args::DemoArgs;
use super::management::Management;

pub struct Stage {
    pub database: String,
    pub vhost: String,
    /// The server's addresses with the stage's own database and vhost; they hold passwords.
    pub database_url: String,
    pub amqp_url: String,
    server: PgConnectOptions,
    management: Management,
    user: String,
}

impl Stage {
    /// Decides names and addresses; nothing is made yet.
    ///
    /// # Errors
    /// When an address cannot be read.
    pub fn plan(args: &DemoArgs) -> anyhow::Result<Self> {
        let time = OffsetDateTime::now_utc()
            .format(format_description!("[year][month][day]_[hour][minute][second]_[subsecond digits:3]"))?;
        let database = format!("demo_{time}");
        let vhost = database.replace('_', "-");
        let uri: AMQPUri = args.amqp_url.parse().map_err(|_| anyhow::anyhow!("AMQP_URL is no address of a broker"))?;
        Ok(Self {
            database_url: with_path(&args.database_url, &database).context("DATABASE_URL cannot be read")?,
            amqp_url: with_path(&args.amqp_url, &vhost).context("AMQP_URL cannot be read")?,
            server: PgConnectOptions::from_str(&args.database_url).context("DATABASE_URL cannot be read")?,
            management: Management::new(&args.amqp_management_url)?,
            user: uri.authority.userinfo.username,
            database,
            vhost,
        })
    }

    /// # Errors
    /// When a server is away or the user may not create what is asked for.
    pub async fn build(&self) -> anyhow::Result<()> {
        self.on_server(format!("create database {}", self.database)).await?;
        self.management.create_vhost(&self.vhost, &self.user).await
    }

    /// Removes both, whatever of them is there; one that cannot be removed does not keep the other.
    ///
    /// # Errors
    /// What is left behind and why.
    pub async fn strike(&self) -> anyhow::Result<()> {
        let vhost = self.management.delete_vhost(&self.vhost).await;
        let database = self.on_server(format!("drop database if exists {} with (force)", self.database)).await;
        vhost.with_context(|| format!("vhost {} is left behind", self.vhost))?;
        database.with_context(|| format!("database {} is left behind", self.database))
    }

    async fn on_server(&self, sql: String) -> anyhow::Result<()> {
        let mut connection =
            PgConnection::connect_with(&self.server).await.context("the server of DATABASE_URL cannot be reached")?;
        // The name of a database cannot be a parameter; this one is made here, of letters and digits.
        let done = sqlx::query(AssertSqlSafe(sql.clone())).execute(&mut connection).await;
        done.with_context(|| format!("the database server refuses: {sql}"))?;
        connection.close().await.context("the database server does not say goodbye")
    }
}

/// The address with another database or vhost; letters, digits and dashes need no encoding.
fn with_path(address: &str, path: &str) -> anyhow::Result<String> {
    let mut url = Url::parse(address)?;
    ensure!(!url.cannot_be_a_base(), "an address with a host is needed");
    url.set_path(&format!("/{path}"));
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::with_path;

    #[test]
    fn only_the_vhost_or_the_database_of_an_address_changes() {
        for (address, expected) in [
            ("amqp://u:p%40@h:5672/%2f?heartbeat=10", "amqp://u:p%40@h:5672/demo-1?heartbeat=10"),
            ("amqps://u:p@h", "amqps://u:p@h/demo-1"),
            ("postgres://u:p@h:5432/orders?sslmode=require", "postgres://u:p@h:5432/demo-1?sslmode=require"),
        ] {
            assert_eq!(with_path(address, "demo-1").expect("an address"), expected);
        }
        assert!(with_path("localhost", "demo-1").is_err());
    }
}
