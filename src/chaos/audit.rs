//! Asks the product's own audit. Called by [`super::run`] after the checks, which do not trust the product.

use serde_json::Value;
use tokio::process::Command;

use super::fleet::programs;
use super::servers::Servers;
use super::violation::Violation;

/// Runs `orders audit`; answers a line for the report, and what it found.
///
/// # Errors
/// When the program cannot be started.
pub async fn run(servers: &Servers) -> anyhow::Result<(String, Vec<Violation>)> {
    let mut command = Command::new(programs()?.join("orders"));
    command.args(["audit", "--json"]).env("DATABASE_URL", &servers.database_url);
    let output = command.env("AMQP_URL", &servers.amqp_url).output().await?;
    let words = String::from_utf8_lossy(&output.stderr);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let found = document["violations"].as_array().cloned().unwrap_or_default();
    if output.status.success() {
        return Ok(("`orders audit`: no violation".to_owned(), Vec::new()));
    }
    let mut violations: Vec<Violation> =
        found.iter().map(|violation| Violation::new("the audit", violation.to_string(), Vec::new())).collect();
    if violations.is_empty() {
        violations.push(Violation::new("the audit", format!("failed: {}", words.trim()), Vec::new()));
    }
    Ok((format!("`orders audit`: {} violations", violations.len()), violations))
}
