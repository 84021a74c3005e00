//! The fleet under test: one process per role, two where two share the work, each with proxies of its own to both servers. Used by
//! the injector, the load and the checks.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::{Client, Url};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::fault::Side;
use crate::stand_ins::{Proxy, Weather};
use crate::trial::{Process, programs};

pub struct Member {
    pub name: &'static str,
    program: &'static str,
}

const fn member(name: &'static str, program: &'static str) -> Member {
    Member { name, program }
}

/// Two of those between whom work is shared or leadership handed over.
pub const PROCESSES: [Member; 13] = [
    member("order-api-1", "order-api"),
    member("order-api-2", "order-api"),
    member("order-processor-1", "order-processor"),
    member("order-processor-2", "order-processor"),
    member("inventory-service", "inventory-service"),
    member("payment-service", "payment-service"),
    member("email-service", "email-service"),
    member("sms-service", "sms-service"),
    member("push-service", "push-service"),
    member("analytics-service", "analytics-service"),
    member("dead-letter-handler", "dead-letter-handler"),
    member("scheduler-1", "scheduler"),
    member("scheduler-2", "scheduler"),
];

/// The first of [`PROCESSES`] are APIs.
pub const APIS: usize = 2;

/// A development build on a busy two-core machine takes seconds.
const READY_DEADLINE: Duration = Duration::from_secs(60);

pub struct Unit {
    pub name: &'static str,
    pub process: Mutex<Process>,
    pub metrics: String,
    broker: Proxy,
    database: Proxy,
}

pub struct Fleet {
    pub units: Vec<Unit>,
    /// Addresses of the APIs.
    pub apis: Vec<String>,
    pub http: Client,
}

/// Where the servers are and what every role gets besides.
pub struct Surroundings<'a> {
    pub amqp_url: &'a str,
    /// Brokers behind the proxies, the one of `amqp_url` first.
    pub brokers: Vec<SocketAddr>,
    pub database_url: &'a str,
    pub environment: Vec<(String, String)>,
    pub first_port: u16,
    pub logs: &'a Path,
}

impl Fleet {
    /// Prepares every process; none runs yet.
    ///
    /// # Errors
    /// When an address cannot be read or a port cannot be had.
    pub async fn new(around: Surroundings<'_>) -> anyhow::Result<Self> {
        let folder = programs()?;
        let database = address(around.database_url)?;
        let (mut units, mut apis) = (Vec::new(), Vec::new());
        for (place, Member { name, program }) in PROCESSES.iter().enumerate() {
            let (broker, database) = (Proxy::start(around.brokers.clone()).await?, Proxy::start(vec![database]).await?);
            let port = around.first_port + u16::try_from(place)?;
            let mut environment = around.environment.clone();
            let mut set = |name: &str, value: String| environment.push((name.to_owned(), value));
            set("AMQP_URL", through(around.amqp_url, broker.address)?);
            set("DATABASE_URL", through(around.database_url, database.address)?);
            set("METRICS_ADDR", format!("127.0.0.1:{port}"));
            if place < APIS {
                let api = around.first_port + u16::try_from(PROCESSES.len() + place)?;
                set("HTTP_ADDR", format!("127.0.0.1:{api}"));
                apis.push(format!("http://127.0.0.1:{api}"));
            }
            let process = Mutex::new(Process::new(name, folder.join(program), environment, around.logs));
            units.push(Unit { name, process, metrics: format!("http://127.0.0.1:{port}"), broker, database });
        }
        let http = Client::builder().no_proxy().tls_certs_only([]).timeout(Duration::from_secs(10)).build()?;
        Ok(Self { units, apis, http })
    }

    pub fn unit(&self, name: &str) -> Option<&Unit> {
        self.units.iter().find(|unit| unit.name == name)
    }

    /// Starts every process and waits until all of them are ready.
    ///
    /// # Errors
    /// When one cannot be started, ends, or is not ready in time.
    pub async fn start(&self) -> anyhow::Result<()> {
        for unit in &self.units {
            unit.process.lock().await.start(&[])?;
        }
        self.ready().await
    }

    /// # Errors
    /// Names the first process that is not ready in time.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_DEADLINE;
        for unit in &self.units {
            while !self.is_ready(unit).await {
                ensure!(Instant::now() < deadline, "{} is not ready after {} s", unit.name, READY_DEADLINE.as_secs());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }

    async fn is_ready(&self, unit: &Unit) -> bool {
        let answer = self.http.get(format!("{}/health/ready", unit.metrics)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Changes the network of one process, or of all.
    pub fn set_weather(&self, target: Option<&str>, side: Side, weather: Weather) {
        for unit in self.units.iter().filter(|unit| target.is_none_or(|target| target == unit.name)) {
            if side != Side::Database {
                unit.broker.set(weather);
            }
            if side != Side::Broker {
                unit.database.set(weather);
            }
        }
    }

    /// Stops every process in order; answers what did not end as it must.
    pub async fn stop(self: &Arc<Self>) -> Vec<String> {
        let mut stopping = tokio::task::JoinSet::new();
        for place in 0..self.units.len() {
            let fleet = Arc::clone(self);
            stopping.spawn(async move {
                let unit = &fleet.units[place];
                unit.process.lock().await.terminate().await.err().map(|error| format!("{}: {error:#}", unit.name))
            });
        }
        stopping.join_all().await.into_iter().flatten().collect()
    }
}

/// Host and port of a server on this machine.
///
/// # Errors
/// When the URL has none.
pub fn address(url: &str) -> anyhow::Result<SocketAddr> {
    let url = Url::parse(url).context("an address of a server cannot be read")?;
    let (host, port) = (url.host_str().context("no host")?, url.port().context("no port")?);
    format!("{host}:{port}").parse().context("the servers of a chaos run are on 127.0.0.1")
}

/// The same URL with the proxy's address.
fn through(url: &str, proxy: SocketAddr) -> anyhow::Result<String> {
    let mut url = Url::parse(url)?;
    ensure!(url.set_port(Some(proxy.port())).is_ok() && url.set_host(Some("127.0.0.1")).is_ok(), "no server's address");
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_host_and_port_of_a_url_change() {
        let proxy = "127.0.0.1:9".parse().expect("an address");
        let url = through("amqp://u:p@127.0.0.1:5672/%2f?heartbeat=10", proxy).expect("a URL");
        assert_eq!(url, "amqp://u:p@127.0.0.1:9/%2f?heartbeat=10");
        assert_eq!(address("postgres://u:p@127.0.0.1:5432/fleet").expect("an address").port(), 5432);
    }
}
