//! The processes of the run's own RabbitMQ and PostgreSQL, as `scripts/services.sh` left them in their folder.

use std::path::Path;

use anyhow::Context;

/// Below the run's folder.
pub const BROKER_PID: &str = "rabbitmq/server.pid";
pub const DATABASE_PID: &str = "postgres/data/postmaster.pid";

/// The process id that a server has left in its file.
///
/// # Errors
/// When it is not there: the server is down, or was not started by the script.
pub fn server_pid(folder: &Path, file: &str) -> anyhow::Result<u32> {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let line = text.lines().next().unwrap_or_default();
    line.trim().parse().with_context(|| format!("{} holds no process id", path.display()))
}
