//! A RabbitMQ of the test's own, started by the project's scripts, so that it can be stopped and started without harm to others.

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::Path;

use tempfile::TempDir;
use tokio::process::Command;

/// Ports that an instance takes from its first one on.
const PORTS: u16 = 10;

/// Stopped and removed when dropped.
pub struct Instance {
    folder: TempDir,
    first_port: u16,
    pub amqp_url: String,
    pub management_url: String,
}

impl Instance {
    pub async fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let first_port = free_ports();
        let mut instance = Self { folder, first_port, amqp_url: String::new(), management_url: String::new() };
        instance.run("up").await;
        let exports = instance.run("env").await;
        let variables: HashMap<&str, &str> = exports
            .lines()
            .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
            .map(|(name, value)| (name, value.trim_matches('\'')))
            .collect();
        instance.amqp_url = variables["AMQP_URL"].to_owned();
        instance.management_url = variables["AMQP_MANAGEMENT_URL"].to_owned();
        instance
    }

    /// `up` or `down`; the data stays.
    pub async fn run(&self, verb: &str) -> String {
        let output = Command::from(self.script(verb)).output().await.expect("the script runs");
        assert!(output.status.success(), "{verb}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// A command for the broker, as in `set_vm_memory_high_watermark 0.4`.
    pub async fn rabbitmqctl(&self, arguments: &[&str]) {
        let mut script = self.script("rabbitmqctl");
        script.args(arguments);
        let output = Command::from(script).output().await.expect("the script runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// What the broker has logged so far.
    pub fn log(&self) -> String {
        let folder = self.folder.path().join("rabbitmq/log");
        let files = std::fs::read_dir(folder).expect("a folder of logs").map(|entry| entry.expect("an entry").path());
        files.filter_map(|file| std::fs::read_to_string(file).ok()).collect()
    }

    fn script(&self, verb: &str) -> std::process::Command {
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut script = std::process::Command::new(project.join("scripts/services.sh"));
        script.arg(verb).env("FLEET_DIR", self.folder.path()).env("FLEET_PORT_BASE", self.first_port.to_string());
        // those of the instance that the other tests use
        for variable in ["AMQP_URL", "DATABASE_URL", "AMQP_MANAGEMENT_URL", "FLEET_SERVICES"] {
            script.env_remove(variable);
        }
        script
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let cleaned = self.script("clean").output();
        if !std::thread::panicking() {
            let output = cleaned.expect("the script runs");
            assert!(output.status.success(), "clean: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// The first of enough ports that nobody listens on.
fn free_ports() -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    // below the range from which the system takes ports for outgoing connections (32768 on Linux)
    let mut candidates = std::iter::repeat_with(|| fastrand::u16(2_000..3_200) * PORTS);
    candidates.find(|first| (*first..*first + PORTS).all(is_free)).expect("the system has free ports")
}
