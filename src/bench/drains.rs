//! The scenarios in which orders come otherwise than by the load generator: all at once from a backlog, from dead letters, from a file.
//! Called by [`super::play`].

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use time::OffsetDateTime;
use tokio::process::Command;
use tokio::time::Instant;
use uuid::Uuid;

use super::fleet::{Crew, Fleet};
use super::load::{body, late_order};
use super::play::{Running, Stage};
use super::say;
use super::scenario::Scenario;
use crate::config::BrokerArgs;
use crate::contract::Outgoing;
use crate::contract::order::SUBMITTED;
use crate::domain::OrderId;
use crate::messaging::{Broker, Verdict, Wire};
use crate::topology::names;
use crate::trial::programs;

/// Product of the orders that come before it does.
const LATE: &str = "BENCH-LATE";
const UNRESOLVED: &str = "select count(*) from dead_letters where state = 'unresolved'";
/// Messages handed to the publisher at once.
const CHUNK: u64 = 1_000;
/// Longest wait until all dead letters are stored.
const STORED: Duration = Duration::from_secs(900);

/// Fills the queue while only the order-api runs, then starts the crew and waits until all is drained.
pub async fn backlog(stage: &Stage<'_>, scenario: Scenario) -> anyhow::Result<Running> {
    let orders = scenario.orders(stage.args);
    say(&format!("{}: filling with {orders} orders", scenario.name()));
    let (api, _) = Fleet::start(&stage.berth, Crew::ApiOnly, &[]).await?;
    let load = stage.load(scenario, orders, &["--no-settle"]).await?;
    ensure!(load.accepted == orders, "not every order was accepted: {:?}", load.failed);
    relayed(stage).await?;
    api.stop().await?;

    let servers = super::accounts::Accounts::new(Vec::new(), stage.servers.broker, stage.servers.database);
    let begun = stage.begin(&servers).await?;
    let started = OffsetDateTime::now_utc();
    let crew = if stage.args.roles { Crew::Roles } else { Crew::One };
    say(&format!("{}: draining", scenario.name()));
    let (fleet, ready) = Fleet::start(&stage.berth, crew, scenario.environment()).await?;
    let accounts = stage.accounts(&fleet);
    let mut running = Running { fleet, accounts, played: Default::default(), orders: 0 };
    running.played.name = scenario.name().to_owned();
    running.played.ready_seconds = ready.as_secs_f64();
    running.played.load = Some(load);
    finish(stage, &mut running, &begun, started, orders).await?;
    Ok(running)
}

/// Publishes orders for a product that does not exist, makes the product, and replays what they became.
pub async fn replay(stage: &Stage<'_>, scenario: Scenario) -> anyhow::Result<Running> {
    let orders = scenario.orders(stage.args);
    let mut running = stage.start(scenario).await?;
    say(&format!("{}: making {orders} dead letters", scenario.name()));
    // a scenario before may have left some of its own, which are replayed, too
    let others: i64 = sqlx::query_scalar(UNRESOLVED).fetch_one(&stage.servers.db).await?;
    publish_early(stage, orders).await?;
    let all = others + i64::try_from(orders)?;
    wait(stage, UNRESOLVED, "dead letters are stored", |found| found >= all).await?;
    let mut create = stage.orders()?;
    create.args(["products", "create", LATE, "--name", "Late thing", "--price", "9.99", "--stock", "1000000000"]);
    run(&mut create).await?;
    say(&format!("{}: replaying", scenario.name()));
    let begun = stage.begin(&running.accounts).await?;
    let started = OffsetDateTime::now_utc();
    let clock = Instant::now();
    let mut replay = Command::new(programs()?.join("dead-letter-handler"));
    replay.env("AMQP_URL", &stage.berth.amqp_url).env("DATABASE_URL", &stage.berth.database_url).kill_on_drop(true);
    run(replay.args(["replay", "--all", "--yes", "--no-watch", "--rate", "10000"])).await?;
    let seconds = clock.elapsed().as_secs_f64();
    let rate = orders as f64 / seconds;
    let note = format!("{orders} letters in {seconds:.1} s, {rate:.0} per second");
    running.played.notes.insert("dead-letter-handler replay".to_owned(), note);
    finish(stage, &mut running, &begun, started, orders).await?;
    Ok(running)
}

/// Hands a file of orders to `orders submit`.
pub async fn bulk(stage: &Stage<'_>, scenario: Scenario) -> anyhow::Result<Running> {
    let orders = scenario.orders(stage.args);
    let mut running = stage.start(scenario).await?;
    let products: Vec<String> = (1..=scenario.products()).map(|number| format!("BENCH-{number}")).collect();
    let file = stage.berth.folder.join("orders.jsonl");
    let mut rows = std::io::BufWriter::new(std::fs::File::create(&file)?);
    for number in 0..orders {
        writeln!(rows, "{}", body(number, &products, None))?;
    }
    rows.into_inner()?.sync_all()?;
    say(&format!("{}: {orders} rows", scenario.name()));
    let begun = stage.begin(&running.accounts).await?;
    let started = OffsetDateTime::now_utc();
    let clock = Instant::now();
    let mut submit = stage.orders()?;
    submit.args(["--json", "submit", "--concurrency", &stage.args.connections.min(256).to_string(), "--jsonl"]);
    run(submit.arg(&file).args(["--batch", &Uuid::new_v4().to_string()])).await?;
    let seconds = clock.elapsed().as_secs_f64();
    let note = format!("{orders} rows in {seconds:.1} s, {:.0} per second", orders as f64 / seconds);
    running.played.notes.insert("orders submit --jsonl".to_owned(), note);
    finish(stage, &mut running, &begun, started, orders).await?;
    Ok(running)
}

async fn finish(
    stage: &Stage<'_>,
    running: &mut Running,
    begun: &super::play::Begun,
    started: OffsetDateTime,
    orders: u64,
) -> anyhow::Result<()> {
    let settled = stage.settle(begun, orders).await?;
    stage.spent(running, begun, orders);
    let played = &mut running.played;
    played.seconds = settled.last_consumed.map_or(0.0, |end| (end - started).as_seconds_f64());
    (played.confirmed, played.not_confirmed) = (settled.confirmed, settled.failed);
    Ok(())
}

/// Waits until every order has left the outbox for the queue.
async fn relayed(stage: &Stage<'_>) -> anyhow::Result<()> {
    wait(stage, "select count(*) from outbox", "messages are still in the outbox", |found| found == 0).await
}

async fn wait(stage: &Stage<'_>, sql: &'static str, what: &str, done: impl Fn(i64) -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + STORED;
    loop {
        let found: i64 = sqlx::query_scalar(sql).fetch_one(&stage.servers.db).await?;
        if done(found) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "after {} s {found} {what}", STORED.as_secs());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn publish_early(stage: &Stage<'_>, orders: u64) -> anyhow::Result<()> {
    let broker = Broker::new(&BrokerArgs { amqp_url: stage.berth.amqp_url.clone() }, "bench")?;
    let mut publisher = broker.publisher("bench").await?;
    let mut left = orders;
    while left > 0 {
        let wires: Result<Vec<Wire>, serde_json::Error> = (0..left.min(CHUNK))
            .map(|_| {
                let id = OrderId::mint();
                let order = late_order(id.0, LATE);
                let message = id.message_id(SUBMITTED);
                let made = Outgoing::json(message, names::ORDERS, names::PROCESS, "order.submitted", &order)?;
                Ok(Wire::from(&made))
            })
            .collect();
        let verdicts = publisher.publish(&wires?).await?;
        ensure!(verdicts.iter().all(|verdict| *verdict == Verdict::Stored), "the broker did not store an order");
        left -= left.min(CHUNK);
    }
    Ok(())
}

/// Runs a program of ours that must succeed.
async fn run(command: &mut Command) -> anyhow::Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let output = command.output().await.context("a program of ours cannot be started")?;
    ensure!(output.status.success(), "a program of ours failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
