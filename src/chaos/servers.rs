//! RabbitMQ and PostgreSQL of the run: restarted, killed, alarmed. They are private processes that `scripts/services.sh` started
//! in a folder of this run alone. Used by the injector.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::process::Command;

use crate::trial::{BROKER_PID, DATABASE_PID, send, server_pid};

/// A broker's start takes seconds, minutes on a machine that compiles at the same time (`scripts/rabbitmq.sh`).
const DEADLINE: Duration = Duration::from_secs(150);
/// Part of the node's memory above which publishers are blocked, as in `rabbitmq/rabbitmq.conf`; and one that is always exceeded.
const WATERMARK: (&str, &str) = ("0.6", "0.00001");
/// Free disk below which publishers are blocked, as in `scripts/rabbitmq.sh`; and one that no disk has.
const DISK: (&str, &str) = ("200MB", "900000GB");

pub struct Servers {
    pub folder: PathBuf,
    pub amqp_url: String,
    pub database_url: String,
}

impl Servers {
    /// Starts what is down.
    ///
    /// # Errors
    /// With the script's words.
    pub async fn up(&self) -> anyhow::Result<()> {
        run("scripts/services.sh", &["up"]).await
    }

    /// # Errors
    /// With the script's words.
    pub async fn start_broker(&self) -> anyhow::Result<()> {
        run("scripts/services.sh", &["up", "broker"]).await
    }

    /// Not the broker with it: one of its nodes may be down on purpose.
    ///
    /// # Errors
    /// With the script's words.
    pub async fn start_database(&self) -> anyhow::Result<()> {
        run("scripts/services.sh", &["up", "database"]).await
    }

    /// # Errors
    /// With the words of rabbitmqctl.
    pub async fn rabbitmqctl(&self, args: &[&str]) -> anyhow::Result<()> {
        run("scripts/services.sh", &[&["rabbitmqctl", "-q"], args].concat()).await
    }

    /// # Errors
    /// When the broker's process cannot be found or signalled.
    pub async fn kill_broker(&self) -> anyhow::Result<()> {
        self.kill(BROKER_PID).await
    }

    /// The postmaster alone: its children notice and end.
    ///
    /// # Errors
    /// When the server's process cannot be found or signalled.
    pub async fn kill_database(&self) -> anyhow::Result<()> {
        self.kill(DATABASE_PID).await
    }

    /// # Errors
    /// When the server does not stop, or not start.
    pub async fn stop_database(&self) -> anyhow::Result<()> {
        let pid = server_pid(&self.folder, DATABASE_PID)?;
        // SIGINT is PostgreSQL's fast shutdown: https://www.postgresql.org/docs/current/server-shutdown.html
        send("-INT", pid).await?;
        let deadline = tokio::time::Instant::now() + DEADLINE;
        while server_pid(&self.folder, DATABASE_PID).is_ok() {
            ensure!(tokio::time::Instant::now() < deadline, "PostgreSQL does not stop");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// # Errors
    /// With the words of rabbitmqctl.
    pub async fn alarm_memory(&self, on: bool) -> anyhow::Result<()> {
        self.rabbitmqctl(&["set_vm_memory_high_watermark", if on { WATERMARK.1 } else { WATERMARK.0 }]).await
    }

    /// # Errors
    /// With the words of rabbitmqctl.
    pub async fn alarm_disk(&self, on: bool) -> anyhow::Result<()> {
        self.rabbitmqctl(&["set_disk_free_limit", if on { DISK.1 } else { DISK.0 }]).await
    }

    /// Does something to one node of the cluster.
    ///
    /// # Errors
    /// With the script's words.
    pub async fn cluster(&self, verb: &str, node: u64) -> anyhow::Result<()> {
        run("scripts/cluster.sh", &[verb, &node.to_string()]).await
    }

    async fn kill(&self, file: &str) -> anyhow::Result<()> {
        send("-9", server_pid(&self.folder, file)?).await
    }
}

/// Runs a script of the project to its end.
///
/// # Errors
/// With the last words of a script that fails or takes too long.
pub async fn run(program: &str, args: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    // The script takes them for services of the developer's own.
    command.args(args).env_remove("AMQP_URL").env_remove("DATABASE_URL").kill_on_drop(true);
    command.stdin(std::process::Stdio::null());
    let output = tokio::time::timeout(DEADLINE, command.output()).await;
    let output = output.with_context(|| format!("{program} {} takes too long", args.join(" ")))??;
    let words = String::from_utf8_lossy(&output.stderr);
    let words: Vec<&str> = words.lines().rev().take(3).collect();
    ensure!(output.status.success(), "{program} {} failed: {}", args.join(" "), words.join(" / "));
    Ok(())
}
