//! RabbitMQ and PostgreSQL of the run: where they are and which processes they are. Made by [`super::run`].

use std::time::Duration;

use anyhow::Context;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use super::args::BenchArgs;
use crate::trial::{BROKER_PID, DATABASE_PID, server_pid};

pub struct Servers {
    pub amqp_url: String,
    pub database_url: String,
    pub management_url: String,
    pub db: PgPool,
    /// First process of each.
    pub broker: u32,
    pub database: u32,
}

impl Servers {
    /// # Errors
    /// When they were not started by `scripts/services.sh`.
    pub fn new(args: &BenchArgs) -> anyhow::Result<Self> {
        anyhow::ensure!(
            ![&args.amqp_url, &args.database_url, &args.amqp_management_url].into_iter().any(String::is_empty),
            "run it by ./dev bench: it needs servers of its own"
        );
        let options = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_secs(10));
        Ok(Self {
            amqp_url: args.amqp_url.clone(),
            database_url: args.database_url.clone(),
            management_url: args.amqp_management_url.clone(),
            db: options.connect_lazy(&args.database_url).context("DATABASE_URL cannot be read")?,
            broker: server_pid(&args.fleet_dir, BROKER_PID)?,
            database: server_pid(&args.fleet_dir, DATABASE_PID)?,
        })
    }
}
