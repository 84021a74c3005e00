//! The whole fleet for one test: a virtual host and a database of its own, the topology, the HTTP API with its relay, and whatever
//! roles the test starts. Every test ends with [`Stage::finish`], which fails when anything is left behind.

mod closing;
mod orders;
mod roles;

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use order_fleet::intake::{IntakeLimits, OutboxWake};
use order_fleet::ports::gateway::{Behaviour, ResultSender, SimulatedGateway};
use order_fleet::ports::webhooks::AddressRules;
use order_fleet::services::order_processor::SagaArgs;
use order_fleet::stand_ins::Proxy;
use order_fleet::store::webhook_deliveries::Patience;
use order_fleet::topology::{QueueType, Topology, TopologyArgs};
use tempfile::TempDir;
use tokio::net::lookup_host;

use super::amqp::Client;
use super::payment_webhook::{SECRETS, secret};
use super::{ANY_ADDRESS, Api, TestDatabase, VirtualHost};
pub use orders::{STRANGER, order_of, paid_with};
use roles::Process;
pub use roles::Role;

/// What a test may choose.
pub struct Options {
    /// Milliseconds of the three rungs of every ladder.
    pub delays: [u64; 3],
    pub queue_type: QueueType,
    /// Seconds until a step of the saga is overdue: stock, payment.
    pub patience: (u64, u64),
    pub gateway: Behaviour,
    /// How long the gateway leaves a pending charge open.
    pub pending: Duration,
    /// Whether the roles reach the database through a proxy that the test can cut.
    pub proxied: bool,
    /// Milliseconds of the rungs of the ladder of webhooks.
    pub webhook_delays: [u64; 4],
    /// Which addresses the webhook-service calls, for how long, and when it gives an endpoint up.
    pub webhook_rules: AddressRules,
    pub webhook_deadline: Duration,
    pub webhook_patience: Patience,
    /// Another broker than that of `AMQP_URL`: its AMQP address and that of its management API.
    pub broker: Option<(String, String)>,
    /// Most messages of one bundle; 1 where a test looks into an internal queue.
    pub bundle: usize,
    /// Most messages that a consumer has in hand.
    pub prefetch: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            delays: [200, 400, 800],
            queue_type: QueueType::Quorum,
            patience: (300, 600),
            gateway: Behaviour::default(),
            pending: Duration::from_millis(100),
            proxied: false,
            webhook_delays: [100, 200, 300, 400],
            webhook_rules: ANY_ADDRESS,
            webhook_deadline: Duration::from_secs(5),
            webhook_patience: Patience { hours: 72, failures: 20 },
            broker: None,
            bundle: 64,
            prefetch: 512,
        }
    }
}

impl Options {
    fn topology(&self) -> Topology {
        Topology::new(&TopologyArgs {
            queue_type: self.queue_type,
            retry_delays: self.delays.map(Duration::from_millis),
            webhook_delays: self.webhook_delays.map(Duration::from_millis),
        })
    }
}

/// A fleet on its own broker and database.
pub struct Stage {
    pub client: Client,
    pub api: Api,
    pub gateway: Arc<SimulatedGateway>,
    pub proxy: Option<Proxy>,
    options: Options,
    processes: Vec<Process>,
    wake: OutboxWake,
    folder: TempDir,
    finished: bool,
    // last, so that everybody has left before they are deleted
    pub host: VirtualHost,
    pub database: TestDatabase,
}

/// The defaults of the command line, for options that are built from it.
#[derive(Parser)]
struct Defaults<T: clap::Args> {
    #[command(flatten)]
    args: T,
}

/// A network to `server`, as in `127.0.0.1:5432`, that the test can cut.
async fn before(server: String) -> Proxy {
    let servers = lookup_host(server).await.expect("the server has an address").collect();
    Proxy::start(servers).await.expect("a free port")
}

fn defaults<T: clap::Args>() -> T {
    Defaults::<T>::parse_from(["test"]).args
}

impl Stage {
    /// Everything but the workers.
    pub async fn set(options: Options) -> Self {
        let host = match &options.broker {
            Some((amqp, management)) => VirtualHost::create_on(amqp, management).await,
            None => VirtualHost::create().await,
        };
        let database = TestDatabase::create().await;
        host.declare(&options.topology()).await.expect("the topology is declared");
        let client = Client::connect(&host.url).await;
        let proxy = match options.proxied {
            true => Some(before(database.server()).await),
            false => None,
        };
        let wake = OutboxWake::default();
        let (db, broker) = (database.pool.clone(), host.broker("order-api"));
        let api = Api::start_among(db, broker, IntakeLimits::default(), wake.clone()).await;
        let results = format!("{}/api/v1/payments/webhook", api.address);
        let results = ResultSender::new(&results, secret(SECRETS[1]), options.pending).expect("an address");
        let gateway = Arc::new(SimulatedGateway::new(options.gateway.clone()).telling(results));
        let folder = TempDir::new().expect("a folder");
        let processes = Vec::new();
        let mut stage =
            Self { client, api, gateway, proxy, options, processes, wake, folder, finished: false, host, database };
        stage.start(&[Role::Relay]).await;
        stage
    }

    /// Everything, scheduler included.
    pub async fn of_the_whole_fleet(options: Options) -> Self {
        let mut stage = Self::set(options).await;
        stage.start(&Role::WORKERS).await;
        stage.start(&[Role::Scheduler]).await;
        stage
    }

    /// Declares what is missing of the topology, as running `setup` again does.
    pub async fn declare(&self) {
        self.host.declare(&self.options.topology()).await.expect("the topology is declared");
    }

    /// With a new connection of the test's own client, after all have been cut.
    pub async fn reconnected(mut self) -> Self {
        self.client = Client::connect(&self.host.url).await;
        self
    }

    fn saga(&self) -> SagaArgs {
        let (stock_deadline_seconds, payment_deadline_seconds) = self.options.patience;
        SagaArgs { stock_deadline_seconds, payment_deadline_seconds }
    }

    /// What was written into the folder of one channel: `mail`, `sms` or `push`.
    pub fn sent(&self, channel: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join(channel)) else { return Vec::new() };
        let files = entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension() != Some("tmp".as_ref()));
        files.map(|path| std::fs::read_to_string(path).expect("a file")).collect()
    }
}
