//! A deployment under load: every role is replaced by a new process, the old one ends by SIGTERM with exit code 0. No order is lost
//! or doubled, and a client that knows both addresses of the API sees no error.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use order_fleet::topology::WorkQueue;
use order_fleet::trial::OPEN;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::crash_points::books::Expected;
use crate::crash_points::programs::{Running, free_address};
use crate::isolation::topology;
use crate::support::amqp::Client;
use crate::support::{TestDatabase, VirtualHost, eventually, order_of};

const WORKERS: [&str; 10] = [
    env!("CARGO_BIN_EXE_order-processor"),
    env!("CARGO_BIN_EXE_inventory-service"),
    env!("CARGO_BIN_EXE_payment-service"),
    env!("CARGO_BIN_EXE_email-service"),
    env!("CARGO_BIN_EXE_sms-service"),
    env!("CARGO_BIN_EXE_push-service"),
    env!("CARGO_BIN_EXE_analytics-service"),
    env!("CARGO_BIN_EXE_webhook-service"),
    env!("CARGO_BIN_EXE_dead-letter-handler"),
    env!("CARGO_BIN_EXE_scheduler"),
];
const CLIENTS: usize = 3;
/// Both addresses, twice: one of the two is always there.
const TRIES: usize = 4;

struct Site {
    folder: TempDir,
    host: VirtualHost,
    database: TestDatabase,
}

impl Site {
    fn start(&self, program: &str, api: Option<SocketAddr>) -> Running {
        let mut command = Command::new(program);
        let folder = self.folder.path();
        command
            .env("AMQP_URL", &self.host.url)
            .env("DATABASE_URL", self.database.url(None))
            .env("DATABASE_CONNECTIONS", "4")
            .env("METRICS_ADDR", "127.0.0.1:0")
            .env("LOG_FORMAT", "text")
            .envs(OPEN)
            .env("MAIL_FOLDER", folder.join("mail"))
            .env("SMS_FOLDER", folder.join("sms"))
            .env("PUSH_FOLDER", folder.join("push"))
            .env_remove("SMTP_URL");
        if let Some(address) = api {
            command.env("HTTP_ADDR", address.to_string());
        }
        Running::start(command, &folder.join("log"))
    }

    async fn start_api(&self, address: SocketAddr) -> Running {
        let running = self.start(env!("CARGO_BIN_EXE_order-api"), Some(address));
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        eventually("the API is ready", async || {
            let answer = http.get(format!("http://{address}/health/ready")).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        running
    }
}

/// Orders one after the other until told to stop; anything but 202 is an error, a lost connection is the other address's turn.
fn client(addresses: [SocketAddr; 2], stop: Arc<AtomicBool>, accepted: Arc<AtomicI64>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().expect("a client");
        let mut at = 0;
        while !stop.load(Ordering::SeqCst) {
            let key = Uuid::new_v4().to_string();
            let mut tries = 0;
            loop {
                let request = http.post(format!("http://{}/api/v1/orders", addresses[at % 2]));
                match request.header("Idempotency-Key", &key).json(&order_of("WIDGET-01", 1)).send().await {
                    Ok(answer) => {
                        assert_eq!(answer.status(), 202);
                        break;
                    }
                    Err(error) => {
                        (at, tries) = (at + 1, tries + 1);
                        assert!(tries < TRIES, "neither address answers: {error}");
                    }
                }
            }
            accepted.fetch_add(1, Ordering::SeqCst);
            at += 1;
        }
    })
}

#[tokio::test]
async fn every_role_restarts_under_load_without_an_error_for_clients_or_a_lost_order() {
    let site = Site {
        folder: TempDir::new().expect("a folder"),
        host: VirtualHost::create().await,
        database: TestDatabase::create().await,
    };
    site.host.declare(&topology([200, 400, 800])).await.expect("declared");
    site.database
        .execute(
            "with product as (insert into products (sku, name, price) values ('WIDGET-01', 'Widget', 19.99)),
                  shelf as (insert into stock (sku, on_hand) values ('WIDGET-01', 1000000))
             insert into stock_movements (sku, kind, quantity) values ('WIDGET-01', 'initial', 1000000)",
        )
        .await;
    let addresses = [free_address(), free_address()];
    let mut apis = [site.start_api(addresses[0]).await, site.start_api(addresses[1]).await];
    let mut workers: Vec<Running> = WORKERS.iter().map(|program| site.start(program, None)).collect();
    let (stop, accepted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let clients: Vec<_> = (0..CLIENTS).map(|_| client(addresses, stop.clone(), accepted.clone())).collect();
    let more_orders = async || {
        let before = accepted.load(Ordering::SeqCst);
        eventually("orders go on", async || (accepted.load(Ordering::SeqCst) > before + 5).then_some(())).await;
    };
    more_orders().await;
    for (place, program) in WORKERS.iter().enumerate() {
        let old = std::mem::replace(&mut workers[place], site.start(program, None));
        old.stop().await;
        more_orders().await;
    }
    for (api, address) in apis.iter_mut().zip(addresses) {
        // in place: while it is away, the other one is there
        api.terminate().await;
        *api = site.start_api(address).await;
        more_orders().await;
    }
    stop.store(true, Ordering::SeqCst);
    for ended in join_all(clients).await {
        ended.expect("no client saw an error");
    }
    let orders = accepted.load(Ordering::SeqCst);
    let mut expected = Expected::default();
    (0..orders).for_each(|_| expected.one_confirmed(1));
    // no partner is registered here
    expected.webhooks = 0;
    let mut found = Expected::default();
    eventually("every accepted order has had all its effects", async || {
        found.count(&site.database.pool).await;
        (found == expected).then_some(())
    })
    .await;
    for running in workers.into_iter().chain(apis) {
        running.stop().await;
    }
    let queues = Client::connect(&site.host.url).await;
    for queue in WorkQueue::ALL {
        assert_eq!(queues.depth(queue.name()).await, 0, "{}", queue.name());
    }
    eprintln!("{orders} orders through {} restarts", WORKERS.len() + 2);
}
