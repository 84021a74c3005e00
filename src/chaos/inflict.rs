//! Inflicts one fault and heals it. Called by [`super::injector`] for each fault of the schedule.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use tokio::time::sleep;

use super::copies::{self, Age};
use super::fault::{Fault, Kind};
use super::injector::Injector;
use crate::stand_ins::Weather;
use crate::trial::Process;

impl Injector {
    /// Returns once the fault is healed.
    pub(super) async fn inflict(&self, fault: &Fault) -> anyhow::Result<()> {
        let Self { servers, outside, db, publisher, .. } = self;
        match fault.kind {
            Kind::Kill => {
                let process = self.process(fault)?;
                process.lock().await.kill().await?;
                sleep(fault.lasts).await;
                process.lock().await.start(&[])
            }
            Kind::Terminate => {
                let process = self.process(fault)?;
                let mut process = process.lock().await;
                let ended = process.terminate().await;
                sleep(fault.lasts).await;
                process.start(&[])?;
                ended.inspect_err(|error| self.complain(fault, error)).or(Ok(()))
            }
            Kind::ClockSkew => self.skew(fault).await,
            Kind::BrokerRestart | Kind::BrokerAway => {
                servers.rabbitmqctl(&["stop_app"]).await?;
                sleep(fault.lasts).await;
                servers.rabbitmqctl(&["start_app"]).await
            }
            Kind::BrokerKill => {
                servers.kill_broker().await?;
                sleep(fault.lasts).await;
                servers.start_broker().await
            }
            Kind::DatabaseRestart | Kind::DatabaseAway => {
                servers.stop_database().await?;
                sleep(fault.lasts).await;
                servers.start_database().await
            }
            Kind::DatabaseKill => {
                servers.kill_database().await?;
                sleep(fault.lasts).await;
                servers.start_database().await
            }
            Kind::Cut | Kind::CutAll => self.weather(fault, Weather::Cut).await,
            Kind::Delay | Kind::DelayAll => {
                self.weather(fault, Weather::Delayed(Duration::from_millis(fault.measure))).await
            }
            Kind::Stall | Kind::StallAll => self.weather(fault, Weather::Stalled).await,
            Kind::Duplicates | Kind::LateCopies => {
                let age = if fault.kind == Kind::Duplicates { Age::Fresh } else { Age::Old };
                let count = usize::try_from(fault.measure)?;
                let copied = copies::publish(db, publisher, age, count, fault.number as u64).await?;
                self.count_copies(copied);
                Ok(())
            }
            Kind::PaymentErrors | Kind::PaymentSlow | Kind::MailDown | Kind::SmsDown | Kind::PushDown => {
                outside.trouble(fault.kind);
                sleep(fault.lasts).await;
                outside.relieve(fault.kind);
                Ok(())
            }
            Kind::MemoryAlarm => {
                servers.alarm_memory(true).await?;
                sleep(fault.lasts).await;
                servers.alarm_memory(false).await
            }
            Kind::DiskAlarm => {
                servers.alarm_disk(true).await?;
                sleep(fault.lasts).await;
                servers.alarm_disk(false).await
            }
            Kind::NodeKill => {
                servers.cluster("kill", fault.measure).await?;
                sleep(fault.lasts).await;
                servers.cluster("start", fault.measure).await
            }
            Kind::NodeCut => {
                servers.cluster("cut", fault.measure).await?;
                sleep(fault.lasts).await;
                servers.cluster("join", fault.measure).await
            }
        }
        .with_context(|| format!("fault {} ({fault})", fault.number))
    }

    async fn weather(&self, fault: &Fault, weather: Weather) -> anyhow::Result<()> {
        self.fleet.set_weather(fault.target, fault.side, weather);
        sleep(fault.lasts).await;
        self.fleet.set_weather(fault.target, fault.side, Weather::Fair);
        Ok(())
    }

    /// The worker is started again with a clock that runs ahead, and later with the right one.
    async fn skew(&self, fault: &Fault) -> anyhow::Result<()> {
        let process = self.process(fault)?;
        let library = faketime().context("libfaketime is not installed")?;
        let clock = [
            ("LD_PRELOAD".to_owned(), library.display().to_string()),
            ("FAKETIME".to_owned(), format!("+{}s", fault.measure)),
            // Only the calendar is wrong: a machine whose timers jump is another fault.
            ("FAKETIME_DONT_FAKE_MONOTONIC".to_owned(), "1".to_owned()),
        ];
        self.restart(fault, process, &clock).await?;
        sleep(fault.lasts).await;
        self.restart(fault, process, &[]).await
    }

    async fn restart(
        &self,
        fault: &Fault,
        process: &tokio::sync::Mutex<Process>,
        environment: &[(String, String)],
    ) -> anyhow::Result<()> {
        let mut process = process.lock().await;
        let ended = process.terminate().await;
        process.start(environment)?;
        ended.inspect_err(|error| self.complain(fault, error)).or(Ok(()))
    }

    fn process(&self, fault: &Fault) -> anyhow::Result<&tokio::sync::Mutex<Process>> {
        let unit = fault.target.and_then(|target| self.fleet.unit(target)).context("the fault has no target")?;
        Ok(&unit.process)
    }
}

/// Debian's package `faketime` keeps the library out of the loader's way.
pub fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?;
    let mut libraries = folders.flatten().map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    libraries.find(|library| library.is_file())
}
