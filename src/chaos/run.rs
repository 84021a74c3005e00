//! One chaos run from the empty servers to the verdict. Called by `src/bin/chaos.rs`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::time::Instant;

use super::args::ChaosArgs;
use super::checks;
use super::fault::{Fault, Kind};
use super::fleet::{Fleet, Surroundings, address};
use super::inflict::faketime;
use super::injector::{Injector, Log};
use super::load::Load;
use super::outside::Outside;
use super::report::Report;
use super::servers::Servers;
use super::violation::Violation;
use super::watch::{self, Readings};
use super::{audit, schedule, settle, shop};
use crate::config::BrokerArgs;
use crate::intake::BrokerPublisher;
use crate::messaging::Broker;
use crate::runtime::told_to_stop;
use crate::trial::{OPEN, command_line, set_up};

/// Short, so that a failed step comes again while the run lasts; the ladder itself is not what is tested here.
const RETRY_DELAYS: &str = "1s,3s,9s";
/// Longer than the ladder and than most faults; a saga that is given up is undone, which is worth seeing, too.
const SAGA_SECONDS: &str = "60";

pub async fn main() -> ExitCode {
    let args = ChaosArgs::parse();
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(1..1_000_000));
    let faults = schedule::plan(seed, args.length(), &kinds(&args));
    show(seed, &args, &faults);
    if args.plan {
        return ExitCode::SUCCESS;
    }
    let ended = tokio::select! {
        ended = run(&args, seed, faults) => ended,
        told = told_to_stop() => Err(told.map_or_else(Into::into, |()| anyhow::anyhow!("stopped by a signal"))),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("chaos: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// What was asked for, or everything that this machine can do.
fn kinds(args: &ChaosArgs) -> Vec<Kind> {
    let asked = if args.faults.is_empty() { Kind::value_variants() } else { &args.faults };
    let possible = |kind: &Kind| match kind {
        kind if kind.is_outage() => !args.faults.is_empty(),
        Kind::ClockSkew => faketime().is_some(),
        // The nodes of a cluster fall one by one.
        Kind::BrokerRestart | Kind::BrokerKill => !args.cluster,
        kind => args.cluster || !kind.needs_cluster(),
    };
    asked.iter().copied().filter(possible).collect()
}

async fn run(args: &ChaosArgs, seed: u64, faults: Vec<Fault>) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let injector = Arc::new(assemble(args, seed).await?);
    injector.fleet.start().await?;
    injector.load.stock_up().await?;
    say("every role is ready");

    let readings = Arc::new(Readings::default());
    let watching = tokio::spawn(watch::report(Arc::clone(&injector), Arc::clone(&readings), say));
    let started = Instant::now();
    let load = Arc::clone(&injector.load).run(args.rate, seed, started + args.length());
    let (mut clients, ()) = tokio::join!(load, Arc::clone(&injector).run(faults, started, say));
    say("healing, and waiting until nothing moves any more");
    settle::heal(&injector).await?;
    while clients.join_next().await.is_some() {}
    let mut violations = Vec::new();
    if let Err(error) = settle::settle(&injector, &args.amqp_management_url, say).await {
        violations.push(Violation::new("everything comes to rest", format!("{error:#}"), Vec::new()));
    }
    watching.abort();
    readings.take(&injector.fleet).await;
    let report = judge(args, seed, begun, &injector, &readings, violations).await?;
    println(&report.markdown());
    if let Some(file) = &args.report {
        std::fs::write(file, report.markdown()).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(report.held())
}

async fn assemble(args: &ChaosArgs, seed: u64) -> anyhow::Result<Injector> {
    ensure!(
        !args.amqp_url.is_empty() && !args.database_url.is_empty(),
        "run it by ./dev chaos: it needs servers of its own"
    );
    let logs = args.fleet_dir.join("roles");
    std::fs::create_dir_all(&logs)?;
    let outside = Arc::new(Outside::start(seed).await);
    let mut environment = outside.environment(&logs);
    let settings = [
        ("STOCK_DEADLINE_SECONDS", SAGA_SECONDS),
        ("PAYMENT_DEADLINE_SECONDS", SAGA_SECONDS),
        ("RETRY_DELAYS", RETRY_DELAYS),
        ("NO_PROXY", "127.0.0.1"),
    ];
    environment.extend(settings.into_iter().chain(OPEN).map(|(name, value)| (name.to_owned(), value.to_owned())));
    set_up(&args.amqp_url, &args.database_url, &environment).await?;
    let fleet = Fleet::new(Surroundings {
        amqp_url: &args.amqp_url,
        brokers: if args.brokers.is_empty() { vec![address(&args.amqp_url)?] } else { args.brokers.clone() },
        database_url: &args.database_url,
        environment,
        first_port: args.first_port,
        logs: &logs,
    })
    .await?;
    let publisher = |name| -> anyhow::Result<BrokerPublisher> {
        Ok(BrokerPublisher::new(Broker::new(&BrokerArgs { amqp_url: args.amqp_url.clone() }, name)?))
    };
    let load = Load::new(fleet.apis.clone(), shop::products(), publisher("chaos load")?)?;
    Ok(Injector {
        fleet: Arc::new(fleet),
        servers: Servers {
            folder: args.fleet_dir.clone(),
            amqp_url: args.amqp_url.clone(),
            database_url: args.database_url.clone(),
        },
        outside,
        load: Arc::new(load),
        db: pool(&args.database_url)?,
        publisher: publisher("chaos copies")?,
        log: Log::default(),
    })
}

fn pool(url: &str) -> anyhow::Result<PgPool> {
    let options = PgPoolOptions::new().max_connections(3).acquire_timeout(Duration::from_secs(5));
    options.connect_lazy(url).context("DATABASE_URL cannot be read")
}

async fn judge(
    args: &ChaosArgs,
    seed: u64,
    begun: Instant,
    injector: &Injector,
    readings: &Readings,
    mut violations: Vec<Violation>,
) -> anyhow::Result<Report> {
    let book = &injector.load.book;
    let mut findings =
        checks::check(&injector.db, &book.accepted(), &injector.load.products, &injector.outside).await?;
    let (audit, broken) = audit::run(&injector.servers).await?;
    violations.extend(broken);
    let dead_letters = settle::dead_letters(&injector.db).await?;
    say("stopping the roles");
    let unclean = injector.fleet.stop().await;
    let entries = injector.log.entries();
    let complaints = entries.complaints.iter().chain(&unclean);
    violations.extend(
        complaints.map(|words| Violation::new("every role lives and ends in order", words.clone(), Vec::new())),
    );
    violations.extend(book.problems().into_iter().map(|words| Violation::new("clients are served", words, Vec::new())));
    findings.violations.splice(0..0, violations);
    Ok(Report {
        command: command_line("chaos"),
        seed,
        length: args.length(),
        whole: begun.elapsed(),
        figures: book.figures(),
        entries,
        findings,
        outcomes: readings.outcomes(),
        dead_letters,
        audit,
    })
}

fn show(seed: u64, args: &ChaosArgs, faults: &[Fault]) {
    say(&format!("seed {seed}, {} minutes, {} orders per second, {} faults:", args.minutes, args.rate, faults.len()));
    for fault in faults {
        say(&format!("  {:>4}  at {:>6.1} s  {fault}", fault.number, fault.at.as_secs_f64()));
    }
}

/// One line with the time of day: plain, for terminals and logs alike.
pub fn say(line: &str) {
    let now = time::OffsetDateTime::now_utc();
    println(&format!("{:02}:{:02}:{:02} {line}", now.hour(), now.minute(), now.second()));
}

fn println(text: &str) {
    use std::io::Write;
    // Who closed the output does not want it.
    let _ = writeln!(std::io::stdout(), "{text}");
}
