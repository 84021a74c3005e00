//! Asks the product's own audit. Called by [`super::run`] after the checks, which do not trust the product.

use serde_json::Value;
use tokio::process::Command;

use super::servers::Servers;
use super::violation::Violation;
use crate::trial::programs;

/// It is quiet already; the audit looks for itself.
const SETTLE: &str = "30s";

/// Runs `orders audit`; answers a line for the report, and what it found.
///
/// # Errors
/// When the program cannot be started.
pub async fn run(servers: &Servers) -> anyhow::Result<(String, Vec<Violation>)> {
    let mut command = Command::new(programs()?.join("orders"));
    command.args(["audit", "--json", "--settle", SETTLE]).env("DATABASE_URL", &servers.database_url);
    let output = command.env("AMQP_URL", &servers.amqp_url).output().await?;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let laws = report["invariants"].as_array().cloned().unwrap_or_default();
    let judged = laws.iter().filter(|law| law["checked"].is_number()).count();
    let rows: i64 = laws.iter().filter_map(|law| law["checked"].as_i64()).sum();
    let line = format!("`orders audit`: {judged} laws, {rows} rows judged");
    if output.status.success() {
        return Ok((format!("{line}, no violation"), Vec::new()));
    }
    let broken = laws.iter().filter(|law| law["total"].as_i64() > Some(0));
    let mut violations: Vec<Violation> = broken
        .map(|law| {
            let found = law["violations"].as_array().into_iter().flatten().map(Value::to_string).collect();
            let name = law["name"].as_str().unwrap_or_default();
            Violation::new("the audit finds nothing", format!("{name}, {} times", law["total"]), found)
        })
        .collect();
    if violations.is_empty() {
        let words = String::from_utf8_lossy(&output.stderr);
        violations.push(Violation::new("the audit can be made", words.trim(), Vec::new()));
    }
    Ok((format!("{line}, {} of them broken", violations.len()), violations))
}
