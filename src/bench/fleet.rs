//! The fleet that is measured: one process, or one per role. Started and stopped for each scenario by [`super::play`].

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::Client;

use super::servers::Servers;
use crate::trial::{Process, programs};

/// As chaos has it: a busy machine takes seconds for what takes a quarter of one.
const READY_DEADLINE: Duration = Duration::from_secs(60);
/// Linux keeps what is here in memory: shm_overview(7).
const MEMORY: &str = "/dev/shm";
const LOOK: Duration = Duration::from_millis(5);

const ROLES: [&str; 11] = [
    "order-api",
    "order-processor",
    "inventory-service",
    "payment-service",
    "email-service",
    "sms-service",
    "push-service",
    "analytics-service",
    "webhook-service",
    "dead-letter-handler",
    "scheduler",
];

/// Which processes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crew {
    /// Every role in one process.
    One,
    /// A process per role.
    Roles,
    /// The order-api alone: orders come in and nobody works on them.
    ApiOnly,
}

impl Crew {
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::One => &["fleet"],
            Self::Roles => &ROLES,
            Self::ApiOnly => &ROLES[..1],
        }
    }
}

/// What every fleet of a run shares.
#[derive(Clone)]
pub struct Berth {
    pub amqp_url: String,
    pub database_url: String,
    pub first_port: u16,
    /// For logs.
    pub folder: PathBuf,
    /// For mails and push messages: in memory where there is such a place, since a real fleet hands them to a mail server.
    pub outbound: PathBuf,
    /// Delays of the retry ladder, in the topology and thus in every fleet.
    pub environment: Vec<(String, String)>,
}

impl Berth {
    pub fn new(servers: &Servers, first_port: u16, folder: PathBuf, environment: Vec<(String, String)>) -> Self {
        let (amqp_url, database_url) = (servers.amqp_url.clone(), servers.database_url.clone());
        let outbound = match Path::new(MEMORY).is_dir() {
            true => Path::new(MEMORY).join(format!("order-fleet-bench-{first_port}")),
            false => folder.join("outbound"),
        };
        Self { amqp_url, database_url, first_port, folder, outbound, environment }
    }

    /// Address of the API.
    pub fn api(&self) -> String {
        format!("http://127.0.0.1:{}", self.first_port)
    }
}

pub struct Fleet {
    members: Vec<(&'static str, Process, String)>,
    http: Client,
}

impl Fleet {
    /// Starts a crew and waits until all of it is ready; answers how long that took.
    ///
    /// # Errors
    /// When a process cannot be started, ends, or is not ready in time.
    pub async fn start(berth: &Berth, crew: Crew, settings: &[(&str, &str)]) -> anyhow::Result<(Self, Duration)> {
        let folder = programs()?;
        let http = Client::builder().no_proxy().tls_certs_only([]).timeout(Duration::from_secs(5)).build()?;
        let mut fleet = Self { members: Vec::new(), http };
        let started = Instant::now();
        for (name, port) in crew.programs().iter().zip(berth.first_port + 1..) {
            let mut environment = berth.environment.clone();
            let mut set = |name: &str, value: &str| environment.push((name.to_owned(), value.to_owned()));
            set("AMQP_URL", &berth.amqp_url);
            set("DATABASE_URL", &berth.database_url);
            set("HTTP_ADDR", berth.api().trim_start_matches("http://"));
            set("METRICS_ADDR", &format!("127.0.0.1:{port}"));
            for (variable, folder) in [("MAIL_FOLDER", "mail"), ("SMS_FOLDER", "sms"), ("PUSH_FOLDER", "push")] {
                set(variable, &berth.outbound.join(folder).display().to_string());
            }
            for (variable, value) in settings {
                set(variable, value);
            }
            let mut process = Process::new(name, folder.join(name), environment, &berth.folder);
            process.start(&[])?;
            fleet.members.push((*name, process, format!("http://127.0.0.1:{port}/health/ready")));
        }
        fleet.ready(started).await?;
        Ok((fleet, started.elapsed()))
    }

    async fn ready(&mut self, started: Instant) -> anyhow::Result<()> {
        for (name, process, health) in &mut self.members {
            loop {
                let answer = self.http.get(health.as_str()).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    break;
                }
                if let Some(status) = process.ended() {
                    anyhow::bail!("{name} ended while starting with {status}");
                }
                ensure!(started.elapsed() < READY_DEADLINE, "{name} is not ready after {} s", READY_DEADLINE.as_secs());
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// Every process by its name.
    pub fn pids(&self) -> Vec<(String, u32)> {
        let pids = self.members.iter().filter_map(|(name, process, _)| Some(((*name).to_owned(), process.id()?)));
        pids.collect()
    }

    /// Stops every process in order.
    ///
    /// # Errors
    /// When one does not end as it must.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for (name, process, _) in &mut self.members {
            process.terminate().await.with_context(|| format!("{name} does not stop"))?;
        }
        Ok(())
    }
}
