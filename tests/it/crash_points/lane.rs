//! One walk after another on one broker and one database, which grow with every walk: what was right must stay right.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use order_fleet::crash_points::Boundary;
use order_fleet::stand_ins::PartnerServer;
use order_fleet::topology::{QueueType, Topology, TopologyArgs, WorkQueue};
use order_fleet::trial::OPEN;
use tempfile::TempDir;
use tokio::process::Command;

use super::books::Expected;
use super::pairs::{Pair, queue_of};
use super::programs::{Programs, Running, free_address};
use crate::support::amqp::Client;
use crate::support::{TestDatabase, VirtualHost, eventually};

/// Each repetition answers one step of an order; a saga has fewer than ten.
const REPETITIONS: usize = 10;

pub struct Lane {
    pub client: Client,
    pub programs: Programs,
    pub expected: Expected,
    /// Where the API is now; each start takes a port of its own.
    pub api: Arc<Mutex<SocketAddr>>,
    pub folder: TempDir,
    pub partner: PartnerServer,
    // last, so that everybody has left before they are deleted
    pub host: VirtualHost,
    pub database: TestDatabase,
}

impl Lane {
    pub async fn set(programs: Programs) -> Self {
        let (host, database) = (VirtualHost::create().await, TestDatabase::create().await);
        let delays = [100, 200, 300].map(Duration::from_millis);
        let webhook_delays = [100, 200, 300, 400].map(Duration::from_millis);
        let topology =
            Topology::new(&TopologyArgs { queue_type: QueueType::Quorum, retry_delays: delays, webhook_delays });
        host.declare(&topology).await.expect("the topology is declared");
        let client = Client::connect(&host.url).await;
        let folder = TempDir::new().expect("a folder");
        let api = Arc::new(Mutex::new(free_address()));
        let expected = Expected::default();
        let partner = PartnerServer::start().await;
        let lane = Self { client, programs, expected, api, folder, partner, host, database };
        lane.fill_the_shop().await;
        lane.register_the_partner().await;
        lane
    }

    /// The environment of a process of this lane.
    pub fn at_home(&self, mut command: Command) -> Command {
        let folder = self.folder.path();
        command
            .env("AMQP_URL", &self.host.url)
            .env("DATABASE_URL", self.database.url(None))
            .env("DATABASE_CONNECTIONS", "6")
            .env("METRICS_ADDR", "127.0.0.1:0")
            .env("LOG_FORMAT", "text")
            .envs(OPEN)
            .env("MAIL_FOLDER", folder.join("mail"))
            .env("SMS_FOLDER", folder.join("sms"))
            .env("PUSH_FOLDER", folder.join("push"))
            .envs([("WEBHOOK_ALLOW_HTTP", "true"), ("WEBHOOK_ALLOW_PRIVATE", "true")])
            .env_remove("SMTP_URL")
            .env_remove("FLEET_CRASH_AT");
        command
    }

    pub fn start_fleet(&self, crash_at: Option<&str>) -> Running {
        let address = free_address();
        *self.api.lock().expect("not poisoned") = address;
        let mut command = self.at_home(self.programs.fleet());
        command.env("HTTP_ADDR", address.to_string());
        if let Some(place) = crash_at {
            command.env("FLEET_CRASH_AT", place);
        }
        Running::start(command, &self.log())
    }

    pub fn log(&self) -> std::path::PathBuf {
        self.folder.path().join("log")
    }

    /// One process dies at the boundary with orders in hand; the next one brings everything to its end.
    pub async fn die(&mut self, pair: Pair) {
        let place = pair.place();
        self.publish_strange_messages().await;
        if pair.role == "scheduler" {
            self.forget_an_order().await;
        }
        if let (Boundary::AfterMark, Some(queue)) = (pair.boundary, queue_of(pair.role)) {
            self.hand_back(queue).await;
        }
        let dying = self.start_fleet(Some(&place));
        let orders = self.submit_orders();
        dying.dies(&place).await;
        let fleet = self.start_fleet(None);
        orders.await.expect("every order is accepted");
        self.comes_to_rest(fleet, &place).await;
    }

    /// Waits until everything has happened and nothing is on its way any more, with the books as expected.
    pub async fn comes_to_rest(&mut self, fleet: Running, place: &str) {
        self.everything_happens(fleet, place).await;
        // A repetition may have been on its way when the fleet was stopped: it is taken up again, and must change nothing.
        for _ in 0..REPETITIONS {
            if self.left_over().await.is_empty() {
                return;
            }
            let fleet = self.start_fleet(None);
            eventually("what was left is taken", async || self.left_over().await.is_empty().then_some(())).await;
            self.everything_happens(fleet, place).await;
        }
        panic!("after {place} something is on its way for ever in {:?}", self.left_over().await);
    }

    async fn everything_happens(&self, mut fleet: Running, place: &str) {
        let mut found = self.expected.clone();
        let deadline = tokio::time::Instant::now() + crate::support::waiting::DEADLINE;
        loop {
            assert!(!fleet.has_ended(), "after {place} the fleet ended by itself\n{}", fleet.last_words());
            found.count(&self.database.pool).await;
            if found == self.expected {
                break;
            }
            let wanted = &self.expected;
            let late = tokio::time::Instant::now() > deadline;
            assert!(!late, "after {place}:\n found {found:?}\nwanted {wanted:?}\n{}", fleet.last_words());
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        fleet.stop().await;
        found.count(&self.database.pool).await;
        assert_eq!(found, self.expected, "after {place} and a good end");
    }

    /// Queues that are not empty.
    async fn left_over(&self) -> Vec<String> {
        let ladders = WorkQueue::ALL.into_iter().flat_map(|queue| queue.ladder().chain([queue.name().to_owned()]));
        let mut left = Vec::new();
        for queue in ladders.chain(["dead_letters".to_owned()]) {
            if self.client.depth(&queue).await > 0 {
                left.push(queue);
            }
        }
        left
    }
}
