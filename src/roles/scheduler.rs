//! The scheduler role.

use std::process::ExitCode;

use clap::Args;

use super::order_api::start_relay;
use super::{Role, main};
use crate::intake::OutboxWake;
use crate::runtime::{Context, Tasks};
use crate::services::scheduler::{RetentionArgs, Scheduler};

#[derive(Args)]
pub struct SchedulerRole {
    #[command(flatten)]
    retention: RetentionArgs,
}

impl Role for SchedulerRole {
    const NAME: &'static str = "scheduler";
    const ABOUT: &'static str = "Notices what did not happen in time. Several may run; one of them leads.";

    fn start(&self, context: &Context, tasks: &mut Tasks) -> anyhow::Result<()> {
        let wake = OutboxWake::default();
        start_relay(context, wake.clone(), tasks);
        let scheduler = Scheduler {
            db: context.questions.clone(),
            wake,
            pulse: context.health.part(Self::NAME),
            retention: self.retention.clone(),
        };
        tasks.spawn(scheduler.run(context.shutdown.clone()));
        Ok(())
    }
}

pub fn scheduler() -> ExitCode {
    main::<SchedulerRole>()
}
