//! How every process lives: settings, logs, connections, its roles, health, and an orderly end. Called by `roles`.

mod heartbeat;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use sqlx::PgPool;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use heartbeat::Heartbeat;

use crate::config::{BrokerArgs, ConsumerArgs, DatabaseArgs, LogArgs, PublicArgs};
use crate::messaging::{Broker, Consumer, Controls, Handler};
use crate::telemetry::{self, Health};
use crate::tracking::Links;

/// How often the database is asked whether it is there.
const PROBE: Duration = Duration::from_secs(2);
/// A database that takes longer to answer nothing at all is not there.
const SILENCE: Duration = Duration::from_secs(3);
/// After this long a connection is cut whose other side takes nothing of what was sent, or does not answer at all (RFC 5482).
const TAKES_NOTHING: Duration = Duration::from_secs(30);
/// How far the workers' threads step back behind the others, as nice(2) counts: a queue can wait, a customer does.
const STEP_BACK: i32 = 10;
/// What may be left to do after the consumers have drained: closing connections.
const CLOSING: Duration = Duration::from_secs(5);

/// The options that every process has.
#[derive(Args, Clone)]
pub struct CommonArgs {
    #[command(flatten)]
    pub broker: BrokerArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub consumer: ConsumerArgs,
    #[command(flatten)]
    pub public: PublicArgs,
    #[command(flatten)]
    pub log: LogArgs,
    #[cfg(feature = "crash-points")]
    #[command(flatten)]
    pub crash: crate::config::CrashArgs,
}

/// What every role of a process shares.
#[derive(Clone)]
pub struct Context {
    /// For statements that ask by key: everything that moves orders.
    pub db: PgPool,
    pub workers: Workers,
    /// For questions of any shape: lists, figures, reports.
    pub questions: PgPool,
    pub broker: Broker,
    pub health: Health,
    pub consumer: ConsumerArgs,
    /// What operators have stopped.
    pub controls: Controls,
    pub links: Links,
    pub shutdown: CancellationToken,
}

/// Where the consumers run: on threads and connections of their own, so that nobody who waits for an answer waits for a batch.
#[derive(Clone)]
pub struct Workers {
    pub runtime: Handle,
    /// As [`Context::db`].
    pub db: PgPool,
}

/// The tasks of a process; it ends when all of them have.
pub type Tasks = JoinSet<()>;

impl Context {
    /// A consumer for one handler.
    pub fn consumer<H: Handler>(&self, handler: H) -> Consumer<H> {
        Consumer {
            handler: handler.into(),
            broker: self.broker.clone(),
            db: self.workers.db.clone(),
            args: self.consumer.clone(),
            pulse: self.health.part(H::ROLE),
            breaker: Default::default(),
            taking: Default::default(),
            careful: Default::default(),
            controls: self.controls.clone(),
        }
    }

    /// Consumes with this handler until the process is told to stop.
    pub fn consume<H: Handler>(&self, handler: H, tasks: &mut Tasks) {
        tasks.spawn_on(self.consumer(handler).run(self.shutdown.clone()), &self.workers.runtime);
    }
}

/// Runs one process until SIGTERM or SIGINT. Exit code 0 when everything in hand was finished, 1 when it could not start or not
/// finish in time.
pub fn run(
    name: &str,
    args: &CommonArgs,
    observed_at: SocketAddr,
    start: impl FnOnce(&Context, &mut Tasks) -> anyhow::Result<()>,
) -> ExitCode {
    telemetry::init(&args.log);
    #[cfg(feature = "crash-points")]
    args.crash.arm();
    let ended = runtimes()
        .context("the runtime cannot start")
        .and_then(|(front, workers)| front.block_on(live(name, args, observed_at, workers.handle().clone(), start)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(role = name, error = format!("{error:#}"), "stopped by an error");
            ExitCode::FAILURE
        }
    }
}

/// One for whoever waits for an answer, one for the workers.
fn runtimes() -> std::io::Result<(Runtime, Runtime)> {
    let front = Builder::new_multi_thread().enable_all().build()?;
    let workers = Builder::new_multi_thread().enable_all().thread_name("workers").on_thread_start(step_back).build()?;
    Ok((front, workers))
}

/// Linux gives each thread a niceness of its own. Where that is not allowed, or not so, the workers just do not step back.
fn step_back() {
    let _ = rustix::process::nice(STEP_BACK);
}

/// Waits for SIGTERM or SIGINT.
///
/// # Errors
/// When the system does not let a program listen for them.
pub async fn told_to_stop() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

async fn live(
    name: &str,
    args: &CommonArgs,
    observed_at: SocketAddr,
    workers: Handle,
    start: impl FnOnce(&Context, &mut Tasks) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let by_key = || args.database.pool_by_key(name).context("DATABASE_URL cannot be read");
    let questions = args.database.pool(name).context("DATABASE_URL cannot be read")?;
    let context = Context {
        db: by_key()?,
        workers: Workers { runtime: workers, db: by_key()? },
        links: Links::new(questions.clone(), args.public.url()),
        questions,
        broker: Broker::new(&args.broker, name)?,
        health: Health::default(),
        consumer: args.consumer.clone(),
        controls: Controls::default(),
        shutdown: CancellationToken::new(),
    };
    let mut tasks = Tasks::new();
    start(&context, &mut tasks)?;
    serve(&context, observed_at, telemetry::routes(context.health.clone()), &mut tasks)?;
    tasks.spawn(probe(context.clone()));
    tasks.spawn(context.controls.clone().keep_fresh(context.questions.clone(), context.shutdown.clone()));
    let heartbeat = Heartbeat::start(&context);
    tracing::info!(role = name, version = env!("CARGO_PKG_VERSION"), "started");
    told_to_stop().await?;
    tracing::info!(role = name, "stopping: finishing what is in hand");
    context.shutdown.cancel();
    let deadline = args.consumer.drain() + CLOSING;
    let finished = timeout(deadline, async { while tasks.join_next().await.is_some() {} }).await;
    finished.context("not everything in hand could be finished in time; the broker will deliver it again")?;
    heartbeat.stop().await;
    context.db.close().await;
    context.workers.db.close().await;
    context.questions.close().await;
    tracing::info!(role = name, "stopped, nothing left in hand");
    Ok(())
}

/// Binds now, so that a wrong address ends the process at start, and serves until the process stops.
///
/// # Errors
/// When the address cannot be bound.
pub fn serve(context: &Context, address: SocketAddr, router: axum::Router, tasks: &mut Tasks) -> anyhow::Result<()> {
    let listener = std::net::TcpListener::bind(address).with_context(|| format!("{address} cannot be bound"))?;
    listener.set_nonblocking(true)?;
    // the connections inherit it; a client that is gone, or takes nothing, holds neither memory nor a place
    socket2::SockRef::from(&listener).set_tcp_user_timeout(Some(TAKES_NOTHING))?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let shutdown = context.shutdown.clone();
    tasks.spawn(async move {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let server = axum::serve(listener, service).with_graceful_shutdown(shutdown.cancelled_owned());
        if let Err(error) = server.await {
            tracing::error!(%error, "the server ended");
        }
    });
    Ok(())
}

async fn probe(context: Context) {
    let pulse = context.health.part("database");
    loop {
        match timeout(SILENCE, sqlx::query("select 1").execute(&context.db)).await {
            Ok(Ok(_)) => pulse.up(),
            Ok(Err(error)) => pulse.down(error.to_string()),
            Err(_) => pulse.down("the database does not answer"),
        }
        tokio::select! {
            () = tokio::time::sleep(PROBE) => {}
            () = context.shutdown.cancelled() => return,
        }
    }
}
