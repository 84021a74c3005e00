//! `setup`: brings the database and the broker to what the fleet needs. Safe to run again at any time.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use sqlx::PgPool;
use tokio::time::Instant;

use crate::asyncapi;
use crate::config::{BrokerArgs, DatabaseArgs, LogArgs};
use crate::messaging::{Backoff, Broker};
use crate::telemetry;
use crate::topology::{Topology, TopologyArgs, TopologyError, apply, describe};

/// Something exists with other arguments than ours; nothing was changed.
const MISMATCH: u8 = 2;

/// Declares exchanges, queues and bindings, and migrates the database. Run it before the first start and after every update; it
/// may be run again at any time. Exit code 2: something exists with other arguments, and nothing was changed on the broker.
#[derive(Parser)]
#[command(name = "setup", version)]
struct Setup {
    #[command(flatten)]
    topology: TopologyArgs,
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    log: LogArgs,

    /// How long to wait for services that are still starting, in seconds.
    #[arg(long, env = "SETUP_WAIT_SECONDS", default_value_t = 60, value_name = "SECONDS")]
    wait_seconds: u64,

    /// Print the topology as Markdown and change nothing.
    #[arg(long)]
    describe: bool,

    /// Print the contract of all messages as an AsyncAPI 3 document and change nothing.
    #[arg(long, conflicts_with = "describe")]
    asyncapi: bool,
}

pub fn setup() -> ExitCode {
    let args = Setup::parse();
    telemetry::init(&args.log);
    let topology = Topology::new(&args.topology);
    if args.describe {
        return print(&describe(&topology));
    }
    if args.asyncapi {
        return print(&asyncapi::document_json());
    }
    let prepared = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot start")
        .and_then(|runtime| runtime.block_on(prepare(&args, &topology)));
    match prepared {
        Ok(report) => print(&report),
        Err(error) => {
            eprintln!("setup: {error:#}");
            match error.downcast_ref() {
                Some(TopologyError::Mismatch(_)) => ExitCode::from(MISMATCH),
                Some(TopologyError::Deadline(_) | TopologyError::Broker { .. }) | None => ExitCode::FAILURE,
            }
        }
    }
}

async fn prepare(args: &Setup, topology: &Topology) -> anyhow::Result<String> {
    let deadline = Instant::now() + Duration::from_secs(args.wait_seconds);
    let db = args.database.pool("setup").context("DATABASE_URL cannot be read")?;
    wait_until(deadline, "the database", || async { sqlx::query("select 1").execute(&db).await.map(drop) }).await?;
    migrate(&db).await?;
    let broker = Broker::new(&args.broker, "setup")?;
    let connection = wait_until(deadline, "the broker", || broker.connect("declaring the topology")).await?;
    let report = apply(&connection, topology).await?;
    connection.close(200, "done".into()).await.ok();
    let created = match report.created.is_empty() {
        true => "nothing was missing".to_owned(),
        false => format!("created {}", report.created.join(", ")),
    };
    Ok(format!(
        "database: up to date\nbroker: {} of {} exchanges and queues were there, {} bindings; {created}",
        report.existed,
        topology.exchanges.len() + topology.queues.len(),
        report.bindings
    ))
}

/// # Errors
/// When a migration fails; it was rolled back.
pub async fn migrate(db: &PgPool) -> anyhow::Result<()> {
    sqlx::migrate!().run(db).await.context("the database cannot be migrated")
}

/// Services that are still starting refuse or do not answer; a wrong password does not get better.
async fn wait_until<T, E, F>(deadline: Instant, what: &str, attempt: impl Fn() -> F) -> anyhow::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
    F: Future<Output = Result<T, E>>,
{
    let mut backoff = Backoff::default();
    loop {
        let error = match attempt().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let text = telemetry::chain(&error);
        let refused = text.contains("ACCESS_REFUSED") || text.contains("password authentication failed");
        if refused || Instant::now() >= deadline {
            return Err(error).with_context(|| format!("{what} cannot be reached"));
        }
        tracing::info!(error = text, "waiting for {what}");
        tokio::time::sleep(backoff.next_pause()).await;
    }
}

#[expect(clippy::print_stdout, reason = "the answer to the operator who ran setup")]
fn print(text: &str) -> ExitCode {
    println!("{text}");
    ExitCode::SUCCESS
}
