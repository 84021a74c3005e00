//! The `fleet` binary as a child process: started, waited for, and stopped as an operator stops it. Owned by [`super::run`].

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::time::{Instant, sleep};

use super::programs::Programs;
use super::shop::Shop;

/// A fleet is ready in about a second; a busy two-core machine takes some more.
const READY_DEADLINE: Duration = Duration::from_secs(30);
/// `config::ConsumerArgs`: 20 s for the work in hand, and `runtime`: 5 s for closing connections.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(25);
const PAUSE: Duration = Duration::from_millis(50);
/// How much of the log is quoted when the fleet ends by itself.
const QUOTED: u64 = 2000;

pub struct FleetProcess {
    child: Child,
    log: PathBuf,
}

impl FleetProcess {
    /// Starts every role; mails, texts and push messages become files in folders below `folder`.
    ///
    /// # Errors
    /// When the log cannot be written or the program cannot be started.
    pub fn start(programs: &Programs, folder: &Path, http: SocketAddr, metrics: SocketAddr) -> anyhow::Result<Self> {
        let log = folder.join("fleet.log");
        let file = File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let mut command = programs.command("fleet")?;
        command.env("HTTP_ADDR", http.to_string()).env("METRICS_ADDR", metrics.to_string());
        for (variable, name) in [("MAIL_FOLDER", "mail"), ("SMS_FOLDER", "sms"), ("PUSH_FOLDER", "push")] {
            command.env(variable, folder.join(name));
        }
        let child = command.stdout(file.try_clone()?).stderr(file).spawn().context("fleet cannot be started")?;
        Ok(Self { child, log })
    }

    /// Waits until every role is ready.
    ///
    /// # Errors
    /// When the fleet ends or is not ready in time, with the end of its log.
    pub async fn ready(&mut self, shop: &Shop) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("fleet ended while starting ({status}); the end of its log:\n{}", self.end_of_log());
            }
            match shop.is_ready().await {
                Ok(()) => return Ok(()),
                Err(why) if Instant::now() >= deadline => {
                    return Err(why.context(format!("fleet is not ready after {} s", READY_DEADLINE.as_secs())));
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// Whether the fleet is still there; it must not end before it is told to.
    pub fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks the fleet to stop (SIGTERM) and waits; after the deadline it is killed.
    ///
    /// # Errors
    /// When the signal cannot be sent or the fleet does not end in time.
    pub async fn stop(&mut self) -> anyhow::Result<(ExitStatus, Duration)> {
        let started = Instant::now();
        if let Some(status) = self.child.try_wait()? {
            return Ok((status, Duration::ZERO));
        }
        let pid = self.child.id();
        // The shell's own kill: a minimal system has no program of that name.
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status();
        ensure!(sent.context("SIGTERM cannot be sent")?.success(), "SIGTERM cannot be sent to process {pid}");
        while started.elapsed() < DRAIN_DEADLINE {
            if let Some(status) = self.child.try_wait()? {
                return Ok((status, started.elapsed()));
            }
            sleep(PAUSE).await;
        }
        bail!("fleet did not stop within {} s", DRAIN_DEADLINE.as_secs())
    }

    fn end_of_log(&self) -> String {
        let mut text = Vec::new();
        if let Ok(mut file) = File::open(&self.log) {
            let length = file.metadata().map_or(0, |metadata| metadata.len());
            // What cannot be read is not quoted; the path of the log is told anyway.
            let _ = file.seek(SeekFrom::Start(length.saturating_sub(QUOTED)));
            let _ = file.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for FleetProcess {
    /// Nothing outlives the demonstration; a fleet that was stopped in order is gone already.
    fn drop(&mut self) {
        if self.lives() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Another fleet on this address would answer in the place of ours.
///
/// # Errors
/// When something listens there, or the address is none of this machine.
pub fn is_free(option: &str, address: SocketAddr) -> anyhow::Result<()> {
    let tried = TcpListener::bind(address);
    tried
        .map(drop)
        .with_context(|| format!("{option} {address} cannot be used: stop what listens there, or give another"))
}
