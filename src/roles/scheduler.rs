//! The scheduler role.

use std::process::ExitCode;

use clap::Args;

use super::order_api::start_relay;
use super::{Role, main};
use crate::config::outbound::AlertArgs;
use crate::intake::OutboxWake;
use crate::runtime::{Context, Tasks};
use crate::services::alert_sender::AlertSender;
use crate::services::queue_ages::QueueAges;
use crate::services::scheduler::{RetentionArgs, Scheduler};

#[derive(Args)]
pub struct SchedulerRole {
    #[command(flatten)]
    retention: RetentionArgs,
    #[command(flatten)]
    alerts: AlertArgs,
}

impl Role for SchedulerRole {
    const NAME: &'static str = "scheduler";
    const ABOUT: &'static str = "Notices what did not happen in time. Several may run; one of them leads.";

    fn start(&self, context: &Context, tasks: &mut Tasks) -> anyhow::Result<()> {
        let wake = start_relay(context, tasks);
        self.start_beside(context, wake, tasks)
    }
}

impl SchedulerRole {
    /// In a process that has a relay.
    ///
    /// # Errors
    /// When an option cannot be used.
    pub fn start_beside(&self, context: &Context, wake: OutboxWake, tasks: &mut Tasks) -> anyhow::Result<()> {
        let scheduler = Scheduler {
            db: context.questions.clone(),
            wake,
            pulse: context.health.part(<Self as Role>::NAME),
            retention: self.retention.clone(),
        };
        tasks.spawn(scheduler.run(context.shutdown.clone()));
        let sender = AlertSender { db: context.questions.clone(), routes: self.alerts.routes()? };
        tasks.spawn(sender.run(context.shutdown.clone()));
        let ages = QueueAges { db: context.questions.clone(), broker: context.broker.clone() };
        tasks.spawn(ages.run(context.shutdown.clone()));
        Ok(())
    }
}

pub fn scheduler() -> ExitCode {
    main::<SchedulerRole>()
}
