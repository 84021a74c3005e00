//! The real `order-api` as a process of its own, on an address that it keeps over restarts.

use std::net::SocketAddr;
use std::path::PathBuf;

use order_fleet::trial::OPEN;
use reqwest::Client;
use tokio::process::Command;

use super::{Stage, eventually};
use crate::crash_points::programs::{Running, free_address};

pub struct ApiProcess {
    /// As in http://127.0.0.1:8080.
    pub address: String,
    socket: SocketAddr,
    amqp_url: String,
    database_url: String,
    log: PathBuf,
    running: Option<Running>,
}

impl ApiProcess {
    /// Starts it on the stage's broker and database and waits until it is ready.
    pub async fn start(stage: &Stage) -> Self {
        let socket = free_address();
        let log = std::env::temp_dir().join(format!("order-api-{}.log", socket.port()));
        let (amqp_url, database_url) = (stage.host.url.clone(), stage.database.url(None));
        let mut api = Self { address: format!("http://{socket}"), socket, amqp_url, database_url, log, running: None };
        api.run().await;
        api
    }

    async fn run(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_order-api"));
        command
            .env("AMQP_URL", &self.amqp_url)
            .env("DATABASE_URL", &self.database_url)
            .envs(OPEN)
            .envs([("DATABASE_CONNECTIONS", "4"), ("METRICS_ADDR", "127.0.0.1:0"), ("LOG_FORMAT", "text")])
            .env("HTTP_ADDR", self.socket.to_string())
            .env("PUBLIC_URL", &self.address);
        self.running = Some(Running::start(command, &self.log));
        let client = Client::builder().no_proxy().build().expect("a client");
        eventually("the API is ready", async || {
            let answer = client.get(format!("{}/health/ready", self.address)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// As kill -9 does: without a word to anybody.
    pub async fn kill(&mut self) {
        self.running.take().expect("it runs").kill().await;
    }

    pub async fn kill_and_start_again(&mut self) {
        self.kill().await;
        self.run().await;
    }

    pub async fn start_again(&mut self) {
        self.run().await;
    }

    /// As a deployment does: asked to stop, it ends in good order.
    pub async fn terminate_and_start_again(&mut self) {
        self.running.take().expect("it runs").stop().await;
        self.run().await;
    }

    pub async fn stop(mut self) {
        self.running.take().expect("it runs").stop().await;
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a log")
    }
}

impl Drop for ApiProcess {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.log);
    }
}
