//! The programs that can be told where to die: built here, so that they are never those of yesterday, and started as processes.

use std::fs::OpenOptions;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Number of SIGABRT (POSIX).
const ABORT: i32 = 6;
/// Far above what a process needs to reach its boundary, or to stop, on a busy machine.
const ENDING: Duration = Duration::from_secs(40);
const NAMES: [&str; 2] = ["fleet-with-crash-points", "dead-letter-handler-with-crash-points"];

#[derive(Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Compiles what has changed; `./dev test` has done so before, then it takes no time.
    pub async fn build() -> Self {
        let folder = Path::new(env!("CARGO_BIN_EXE_fleet")).parent().expect("a folder of programs").to_owned();
        let target = folder.parent().expect("the target folder");
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--features", "crash-points", "--target-dir"]).arg(target);
        build.args(NAMES.iter().flat_map(|name| ["--bin", name])).current_dir(env!("CARGO_MANIFEST_DIR"));
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let built = build.stdin(Stdio::null()).output().await.expect("cargo runs");
        assert!(
            built.status.success(),
            "the crash programs cannot be built: {}",
            String::from_utf8_lossy(&built.stderr)
        );
        Self { folder }
    }

    pub fn fleet(&self) -> Command {
        Command::new(self.folder.join(NAMES[0]))
    }

    pub fn dead_letter_handler(&self) -> Command {
        Command::new(self.folder.join(NAMES[1]))
    }
}

/// A running process; killed when dropped.
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    pub fn start(mut command: Command, log: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(log).expect("a log");
        let output = file.try_clone().expect("a log");
        command.stdin(Stdio::null()).stdout(output).stderr(file).kill_on_drop(true);
        Self { child: command.spawn().expect("the program starts"), log: log.to_owned() }
    }

    async fn ends(&mut self, what: &str) -> ExitStatus {
        match timeout(ENDING, self.child.wait()).await {
            Ok(status) => status.expect("an exit status"),
            Err(_) => panic!("not within {ENDING:?}: {what}\n{}", self.last_words()),
        }
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a status").is_some()
    }

    /// Whether the process has died by its own hand; it is expected to live or to do that.
    pub fn has_died(&mut self) -> bool {
        let ended = self.child.try_wait().expect("a status");
        if let Some(status) = ended {
            assert_eq!(status.signal(), Some(ABORT), "ended with {status}\n{}", self.last_words());
        }
        ended.is_some()
    }

    /// Waits until the process has died at its boundary.
    pub async fn dies(mut self, place: &str) {
        let status = self.ends(&format!("the process dies at {place}")).await;
        assert_eq!(status.signal(), Some(ABORT), "{place}: ended with {status}\n{}", self.last_words());
    }

    /// Asks as Kubernetes does, and expects a good end.
    pub async fn stop(mut self) {
        self.terminate().await;
    }

    /// As kill -9 does: without a word to anybody.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it is killed");
    }

    /// As [`Running::stop`], where the place is wanted for a new process.
    pub async fn terminate(&mut self) {
        let id = self.child.id().expect("it runs").to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().await.expect("kill runs");
        assert!(asked.success(), "process {id} had gone\n{}", self.last_words());
        let status = self.ends("the process stops").await;
        assert!(status.success(), "stopped with {status}\n{}", self.last_words());
    }

    /// Waits until the program has done what it was asked.
    pub async fn succeeds(mut self) {
        let status = self.ends("the program ends").await;
        assert!(status.success(), "ended with {status}\n{}", self.last_words());
    }

    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}
