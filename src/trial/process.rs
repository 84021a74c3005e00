//! One process of the fleet: started, killed, asked to stop. Owned by the fleets of `chaos` and of `bench`.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// `config::ConsumerArgs`: 20 s for the work in hand, `runtime`: 5 s for closing; the rest is for a busy machine.
const STOP_DEADLINE: Duration = Duration::from_secs(35);
/// After SIGKILL only the kernel has work left.
const KILL_DEADLINE: Duration = Duration::from_secs(10);

pub struct Process {
    program: PathBuf,
    environment: Vec<(String, String)>,
    log: PathBuf,
    child: Option<Child>,
    /// Counts the starts.
    pub life: u32,
}

impl Process {
    pub fn new(name: &str, program: PathBuf, environment: Vec<(String, String)>, logs: &Path) -> Self {
        Self { program, environment, log: logs.join(format!("{name}.log")), child: None, life: 0 }
    }

    /// Starts it, with `extra` environment for this life only.
    ///
    /// # Errors
    /// When the program is not there.
    pub fn start(&mut self, extra: &[(String, String)]) -> anyhow::Result<()> {
        let file = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.program);
        command.envs(self.environment.iter().cloned()).envs(extra.iter().cloned());
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("{} cannot be started", self.program.display()))?;
        self.child = Some(child);
        self.life += 1;
        Ok(())
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref()?.id()
    }

    /// Its exit status, if it has ended although nobody asked it to.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        self.child = None;
        Some(status.to_string())
    }

    /// kill -9.
    ///
    /// # Errors
    /// When it does not go away.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        signal("-9", &child).await?;
        timeout(KILL_DEADLINE, child.wait()).await.context("a killed process stays")??;
        Ok(())
    }

    /// SIGTERM; must end with code 0 in time.
    ///
    /// # Errors
    /// Another end, or none; then it is killed.
    pub async fn terminate(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        signal("-TERM", &child).await?;
        match timeout(STOP_DEADLINE, child.wait()).await {
            Ok(status) => {
                let status = status?;
                ensure!(status.success(), "ended with {status} after SIGTERM, see {}", self.log.display());
                Ok(())
            }
            Err(_) => {
                signal("-9", &child).await?;
                bail!("did not end within {} s after SIGTERM, see {}", STOP_DEADLINE.as_secs(), self.log.display())
            }
        }
    }
}

/// The shell's own kill: a minimal system has no program of that name.
async fn signal(signal: &str, child: &Child) -> anyhow::Result<()> {
    let Some(pid) = child.id() else { return Ok(()) };
    send(signal, pid).await
}

/// # Errors
/// When there is no such process, or it is somebody else's.
pub async fn send(signal: &str, pid: u32) -> anyhow::Result<()> {
    let status = Command::new("sh").args(["-c", &format!("kill {signal} {pid}")]).status().await?;
    ensure!(status.success(), "process {pid} cannot be sent {signal}");
    Ok(())
}
