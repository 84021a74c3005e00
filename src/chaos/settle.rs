//! The end of the faults: heals what is left, waits until nothing moves any more, and gives dead letters another chance as an
//! operator would. Called by [`super::run`].

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::{Client, Url};
use serde_json::Value;
use sqlx::PgPool;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::fault::Side;
use super::injector::Injector;
use crate::stand_ins::Weather;
use crate::trial::programs;

/// Above the longest thing that may be left: a saga's deadline with the scheduler's grace, then the retry ladder of the undoing.
const DEADLINE: Duration = Duration::from_secs(240);
/// What has not moved for so long stands still: nothing in the fleet waits longer than a saga's deadline with the grace after it.
const STANDSTILL: Duration = Duration::from_secs(100);
/// The management's figures are up to a second old, so one quiet look proves nothing.
const QUIET_LOOKS: u32 = 4;
const LOOK: Duration = Duration::from_secs(1);

/// Ends every trouble that an interrupted schedule may have left.
///
/// # Errors
/// When the servers cannot be brought back.
pub async fn heal(injector: &Injector) -> anyhow::Result<()> {
    injector.outside.relieve_all();
    injector.fleet.set_weather(None, Side::Both, Weather::Fair);
    injector.servers.up().await?;
    injector.servers.alarm_memory(false).await?;
    injector.servers.alarm_disk(false).await?;
    super::watch::revive(&injector.fleet, injector).await;
    injector.fleet.ready().await
}

/// What still moves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Motion {
    clients: i64,
    sagas: i64,
    outbox: i64,
    dead_letters: i64,
    queued: BTreeMap<String, i64>,
}

impl Motion {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Dead letters by queue and reason, before they were replayed.
pub type DeadLetters = BTreeMap<String, i64>;

/// Waits until nothing moves; replays dead letters whenever there are some.
///
/// # Errors
/// What still moves at the deadline.
pub async fn settle(injector: &Injector, management: &str, say: fn(&str)) -> anyhow::Result<()> {
    let started = Instant::now();
    let (mut quiet, mut before, mut moved) = (0, Motion::default(), started);
    loop {
        let motion = look(injector, management).await;
        if let Ok(motion) = &motion
            && *motion != before
        {
            (before, moved) = (motion.clone(), Instant::now());
        }
        match &motion {
            Ok(motion) if motion.is_none() => quiet += 1,
            Ok(motion) if motion.dead_letters > 0 => {
                quiet = 0;
                say(&format!("replaying {} dead letters", motion.dead_letters));
                replay(injector).await?;
            }
            Ok(_) | Err(_) => quiet = 0,
        }
        if quiet >= QUIET_LOOKS {
            say(&format!("quiet after {:.0} s", started.elapsed().as_secs_f64()));
            return Ok(());
        }
        if quiet == 0 && started.elapsed().as_secs().is_multiple_of(5) {
            say(&format!("waiting for quiet: {motion:?}"));
        }
        ensure!(moved.elapsed() < STANDSTILL, "nothing has moved for {} s: {motion:?}", STANDSTILL.as_secs());
        ensure!(started.elapsed() < DEADLINE, "not quiet after {} s: {motion:?}", DEADLINE.as_secs());
        sleep(LOOK).await;
    }
}

async fn look(injector: &Injector, management: &str) -> anyhow::Result<Motion> {
    let db = &injector.db;
    let count = async |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(db).await;
    Ok(Motion {
        clients: i64::try_from(injector.load.book.waiting())?,
        sagas: count("select count(*) from sagas").await?,
        outbox: count("select count(*) from outbox").await?,
        dead_letters: count("select count(*) from dead_letters where state = 'unresolved'").await?,
        queued: queued(management).await?,
    })
}

/// Queues that hold messages, delivered ones included.
async fn queued(management: &str) -> anyhow::Result<BTreeMap<String, i64>> {
    let url = Url::parse(management)?.join("api/queues?columns=name,messages")?;
    let http = Client::builder().no_proxy().tls_certs_only([]).timeout(Duration::from_secs(5)).build()?;
    let queues: Vec<Value> = http.get(url).send().await?.error_for_status()?.json().await?;
    ensure!(!queues.is_empty(), "the broker knows no queues yet");
    let mut queued = BTreeMap::new();
    for queue in queues {
        let name = queue["name"].as_str().unwrap_or_default().to_owned();
        // A queue that has no leader at the moment has no figure.
        let messages = queue["messages"].as_i64().with_context(|| format!("{name} does not tell its messages"))?;
        if messages > 0 {
            queued.insert(name, messages);
        }
    }
    Ok(queued)
}

/// Dead letters so far.
///
/// # Errors
/// When the database is away.
pub async fn dead_letters(db: &PgPool) -> anyhow::Result<DeadLetters> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("select queue || ': ' || reason, sum(failures)::bigint from dead_letters group by 1 order by 1")
            .fetch_all(db)
            .await?;
    Ok(rows.into_iter().collect())
}

async fn replay(injector: &Injector) -> anyhow::Result<()> {
    let mut command = Command::new(programs()?.join("dead-letter-handler"));
    command.args(["replay", "--all", "--yes", "--no-watch"]).env("DATABASE_URL", &injector.servers.database_url);
    let output = command.env("AMQP_URL", &injector.servers.amqp_url).output().await?;
    ensure!(output.status.success(), "the replay failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
