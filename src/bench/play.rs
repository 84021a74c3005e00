//! Plays one scenario: starts a fleet, warms it up, measures, and reads what it cost. Called by [`super::run`].

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use tokio::process::Command;
use tokio::time::Instant;

use super::accounts::{Accounts, Amounts, Reading};
use super::args::BenchArgs;
use super::figures::Played;
use super::fleet::{Berth, Crew, Fleet};
use super::load::{Counts, LoadReport, Settled, Source};
use super::processes::Processes;
use super::queues::Traffic;
use super::scenario::Scenario;
use super::servers::Servers;
use super::tables::{self, Rows};
use super::{drains, growth, say};
use crate::trial::programs;

/// How long nothing is done to see what doing nothing costs.
const IDLE: Duration = Duration::from_secs(3);
/// Longest wait for the end of all orders: the longest scenario takes some minutes on a busy machine.
const SETTLE: Duration = Duration::from_secs(1_800);
/// Longest wait for what nobody waits for: sold stock, an empty outbox.
const QUIET: Duration = Duration::from_secs(120);

pub struct Stage<'a> {
    pub args: &'a BenchArgs,
    pub servers: &'a Servers,
    pub berth: Berth,
    /// Counters at the end of the scenario before.
    pub before: (Traffic, Rows),
}

/// A fleet at work.
pub struct Running {
    pub fleet: Fleet,
    pub accounts: Accounts,
    pub played: Played,
    /// Orders that this fleet has had in all: what the counters are divided by.
    pub orders: u64,
}

/// Where a measurement begins.
pub struct Begun {
    reading: Reading,
    children: Duration,
    counts: Counts,
}

impl Stage<'_> {
    /// # Errors
    /// When anything does not work as it must; then the figures would be worth nothing.
    pub async fn play(&mut self, scenario: Scenario) -> anyhow::Result<Played> {
        if self.args.statements {
            tables::forget_statements(&self.servers.db).await?;
        }
        let running = match scenario {
            Scenario::Happy | Scenario::HotSku | Scenario::SlowPayment | Scenario::PaymentErrors | Scenario::Growth => {
                self.under_load(scenario, scenario.orders(self.args)).await?
            }
            Scenario::Backlog => drains::backlog(self, scenario).await?,
            Scenario::Replay => drains::replay(self, scenario).await?,
            Scenario::Bulk => drains::bulk(self, scenario).await?,
        };
        self.conclude(running).await
    }

    /// Plays the happy path once for each size of the tables.
    ///
    /// # Errors
    /// As [`Stage::play`].
    pub async fn grow(&mut self) -> anyhow::Result<Vec<Played>> {
        let mut all = Vec::new();
        for &size in &self.args.tables {
            say(&format!("growth: filling the tables up to {size} orders"));
            growth::fill(&self.servers.db, size).await?;
            tables::tidy(&self.servers.db).await?;
            self.before.1 = Rows::read(&self.servers.db).await?;
            let mut running = self.under_load(Scenario::Growth, self.args.orders.min(size.max(2_000))).await?;
            running.played.readings = growth::read(&self.berth.api(), &self.servers.db).await?;
            running.played.name = growth::name(size);
            all.push(self.conclude(running).await?);
        }
        Ok(all)
    }

    async fn under_load(&self, scenario: Scenario, orders: u64) -> anyhow::Result<Running> {
        let mut running = self.start(scenario).await?;
        say(&format!("{}: {orders} orders", scenario.name()));
        let begun = self.begin(&running.accounts).await?;
        let load = self.load(scenario, orders, &[]).await?;
        self.end(&mut running, &begun, &load).await?;
        if scenario == Scenario::Happy {
            let rate = running.played.per_second() / 2.0;
            let orders = orders.min((rate * 30.0) as u64).max(100);
            say(&format!("{}: {orders} orders at half of saturation, {rate:.0} per second", scenario.name()));
            running.played.half = Some(self.load(scenario, orders, &["--rate", &format!("{rate:.2}")]).await?);
            running.orders += orders;
            self.quiet().await?;
        }
        Ok(running)
    }

    /// Starts the usual crew for a scenario and warms it up.
    pub async fn start(&self, scenario: Scenario) -> anyhow::Result<Running> {
        let crew = if self.args.roles { Crew::Roles } else { Crew::One };
        let (fleet, ready) = Fleet::start(&self.berth, crew, scenario.environment()).await?;
        let accounts = self.accounts(&fleet);
        let mut played =
            Played { name: scenario.name().to_owned(), ready_seconds: ready.as_secs_f64(), ..Played::default() };
        let before = accounts.read();
        tokio::time::sleep(IDLE).await;
        played.idle_memory = accounts.memory().0;
        let seconds = IDLE.as_secs_f64();
        let idle = accounts.since(&before).cpu;
        played.idle_cpu = idle.into_iter().map(|(name, cpu)| (name, cpu / seconds)).collect::<Amounts>();
        let orders = (scenario.orders(self.args) / 10).clamp(50, 1_000);
        self.load(scenario, orders, &[]).await?;
        self.quiet().await?;
        Ok(Running { fleet, accounts, played, orders })
    }

    pub fn accounts(&self, fleet: &Fleet) -> Accounts {
        Accounts::new(fleet.pids(), self.servers.broker, self.servers.database)
    }

    pub async fn begin(&self, accounts: &Accounts) -> anyhow::Result<Begun> {
        let counts = Source::Database(&self.servers.db).counts().await?;
        let children = Processes::look().ended_children(std::process::id());
        Ok(Begun { reading: accounts.read(), children, counts })
    }

    /// Takes the figures of what a load generator has brought and waited for.
    async fn end(&self, running: &mut Running, begun: &Begun, load: &LoadReport) -> anyhow::Result<()> {
        let ended = load.ended.as_ref().context("the load generator did not wait")?;
        ensure!(load.accepted == load.orders, "not every order was accepted: {:?}", load.failed);
        self.quiet().await?;
        let played = &mut running.played;
        played.seconds = ended.consumed_seconds;
        (played.confirmed, played.not_confirmed) = (ended.confirmed, ended.not_confirmed);
        played.load = Some(load.clone());
        self.spent(running, begun, load.orders);
        Ok(())
    }

    /// Waits for orders that no load generator waits for.
    pub async fn settle(&self, begun: &Begun, orders: u64) -> anyhow::Result<Settled> {
        let source = Source::Database(&self.servers.db);
        let settled = source.settle(&begun.counts, orders, SETTLE, &ProgressBar::hidden()).await?;
        self.quiet().await?;
        Ok(settled)
    }

    pub fn spent(&self, running: &mut Running, begun: &Begun, orders: u64) {
        let spent = running.accounts.since(&begun.reading);
        let children = Processes::look().ended_children(std::process::id());
        let played = &mut running.played;
        (played.cpu, played.written, played.orders) = (spent.cpu, spent.written, orders);
        played.load_cpu = children.saturating_sub(begun.children).as_secs_f64();
        running.orders += orders;
    }

    /// Runs `orders bench`.
    pub async fn load(&self, scenario: Scenario, orders: u64, flags: &[&str]) -> anyhow::Result<LoadReport> {
        let mut command = self.orders()?;
        command.args(["--json", "--timeout", "30s", "bench", "--orders", &orders.to_string()]);
        command.args(["--closed", &self.args.connections.to_string(), "--products", &scenario.products().to_string()]);
        if !flags.contains(&"--no-settle") {
            command.args(["--settle", &format!("{}s", SETTLE.as_secs())]);
        }
        let output = command.args(flags).output().await.context("orders cannot be started")?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("orders bench failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }

    /// The command line of customers, on this fleet.
    pub fn orders(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(programs()?.join("orders"));
        command.env("ORDERS_API_URL", self.berth.api()).env("DATABASE_URL", &self.servers.database_url);
        command.stdin(Stdio::null()).kill_on_drop(true);
        Ok(command)
    }

    /// Waits until nothing is left to do.
    pub async fn quiet(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + QUIET;
        loop {
            let left: i64 = sqlx::query_scalar(
                "select (select count(*) from outbox) + (select count(*) from sagas) \
                        + (select count(*) from reservations where status = 'reserved')",
            )
            .fetch_one(&self.servers.db)
            .await?;
            if left == 0 {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{left} things are still to be done after {} s", QUIET.as_secs());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stops the fleet and reads the counters.
    async fn conclude(&mut self, running: Running) -> anyhow::Result<Played> {
        let Running { fleet, accounts, mut played, orders } = running;
        played.peak_memory = accounts.memory().1;
        fleet.stop().await?;
        if self.args.statements {
            played.statements = tables::statements(&self.servers.db).await?;
        }
        let now = (Traffic::read(&self.servers.management_url).await?, Rows::read(&self.servers.db).await?);
        played.traffic = now.0.since(&self.before.0, orders);
        played.rows = now.1.since(&self.before.1, orders);
        self.before = now;
        if self.berth.outbound.exists() {
            std::fs::remove_dir_all(&self.berth.outbound)?;
        }
        Ok(played)
    }
}
