//! The real `fleet` binary as a process of its own, with its log.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use order_fleet::trial::OPEN;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{Stage, eventually};

/// The fleet's own deadline for draining is 20 s.
const STOPPING: Duration = Duration::from_secs(30);

/// Killed when dropped.
pub struct Fleet {
    process: Child,
    lines: Arc<Mutex<Vec<String>>>,
    /// Address of its API, as in http://127.0.0.1:8080.
    pub address: String,
    _folder: TempDir,
}

impl Fleet {
    /// Starts it on the stage's broker and database and waits until all of its parts are ready.
    pub async fn start(stage: &Stage, variables: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let mut process = Command::new(env!("CARGO_BIN_EXE_fleet"))
            .env("AMQP_URL", &stage.host.url)
            .env("DATABASE_URL", stage.database.url(None))
            .envs([("HTTP_ADDR", "127.0.0.1:0"), ("METRICS_ADDR", "127.0.0.1:0"), ("LOG_FORMAT", "json")])
            .envs([("MAIL_FOLDER", at("mail")), ("SMS_FOLDER", at("sms")), ("PUSH_FOLDER", at("push"))])
            .envs(OPEN)
            .env_remove("SMTP_URL")
            .env_remove("RUST_LOG")
            .envs(variables.iter().copied())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the fleet starts");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let mut log = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let kept = Arc::clone(&lines);
        tokio::spawn(async move {
            while let Ok(Some(line)) = log.next_line().await {
                kept.lock().expect("not poisoned").push(line);
            }
        });
        let mut fleet = Self { process, lines, address: String::new(), _folder: folder };
        // the API binds before the metrics
        fleet.address = eventually("the API listens", async || {
            let listening = fleet.log().into_iter().find(|line| line["message"] == "listening")?;
            Some(format!("http://{}", listening["address"].as_str()?))
        })
        .await;
        let (client, ready) = (stage.api.client.clone(), format!("{}/health/ready", fleet.address));
        eventually("every part is ready", async || {
            let answer = client.get(&ready).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        fleet
    }

    /// Every line of the log so far. All of them are JSON.
    pub fn log(&self) -> Vec<Value> {
        let lines = self.lines.lock().expect("not poisoned");
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
    }

    /// Sends SIGTERM and waits for the end.
    pub async fn terminate(&mut self) -> ExitStatus {
        let id = self.process.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await.expect("kill runs");
        assert!(sent.success(), "{sent}");
        timeout(STOPPING, self.process.wait()).await.expect("it stops in time").expect("its exit status")
    }

    /// As kill -9 does: without a word to anybody.
    pub async fn kill(&mut self) {
        self.process.kill().await.expect("it is killed");
    }
}
