//! Runs the `orders` binary and keeps what it said.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::fake_api::FakeApi;

/// Far more than any run here takes; a run that hangs fails its test by name.
const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// The one JSON document on stdout.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    pub fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }
}

pub async fn orders(api: &FakeApi, arguments: &[&str]) -> Run {
    run(&format!("http://{}", api.address), arguments, "").await
}

pub async fn orders_reading(api: &FakeApi, stdin: &str, arguments: &[&str]) -> Run {
    run(&format!("http://{}", api.address), arguments, stdin).await
}

/// With `--api-url` by its variable, so that arguments are only what the test is about.
pub async fn run(api_url: &str, arguments: &[&str], stdin: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_orders"))
        .args(arguments)
        .env("ORDERS_API_URL", api_url)
        .env_remove("AMQP_URL")
        .env_remove("ORDERS_TOKEN")
        .env_remove("COLUMNS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary starts");
    let mut input = child.stdin.take().expect("piped");
    let finished = tokio::time::timeout(DEADLINE, async {
        // A program that does not read its stdin may be gone before all is written.
        let _ = input.write_all(stdin.as_bytes()).await;
        drop(input);
        child.wait_with_output().await
    });
    let output = finished.await.unwrap_or_else(|_| panic!("orders {arguments:?} hangs")).expect("the binary ran");
    Run {
        code: output.status.code().expect("not killed"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}
