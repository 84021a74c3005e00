//! Every role in one process: the way to run the fleet on one machine.

use std::process::ExitCode;

use clap::Args;

use super::{
    Analytics, ApiServer, Email, Inventory, OrderProcessor, Payment, Push, Role, SchedulerRole, Sms, Webhooks, main,
};
use crate::runtime::{Context, Tasks};
use crate::services::dead_letter_handler;

#[derive(Args)]
pub struct Fleet {
    #[command(flatten)]
    api: ApiServer,
    #[command(flatten)]
    processor: OrderProcessor,
    #[command(flatten)]
    inventory: Inventory,
    #[command(flatten)]
    payment: Payment,
    #[command(flatten)]
    email: Email,
    #[command(flatten)]
    sms: Sms,
    #[command(flatten)]
    push: Push,
    #[command(flatten)]
    analytics: Analytics,
    #[command(flatten)]
    webhooks: Webhooks,
    #[command(flatten)]
    scheduler: SchedulerRole,
}

impl Role for Fleet {
    const NAME: &'static str = "fleet";
    const ABOUT: &'static str = "Every role of the fleet in one process.";

    fn start(&self, context: &Context, tasks: &mut Tasks) -> anyhow::Result<()> {
        let wake = self.api.start(context, self.processor.saga().clone(), tasks)?;
        self.processor.start(context, tasks)?;
        self.inventory.start(context, tasks)?;
        self.payment.start(context, tasks)?;
        self.email.start(context, tasks)?;
        self.sms.start(context, tasks)?;
        self.push.start(context, tasks)?;
        self.analytics.start(context, tasks)?;
        self.webhooks.start(context, tasks)?;
        dead_letter_handler::start(context, self.processor.saga().clone(), tasks);
        self.scheduler.start_beside(context, wake, tasks)
    }
}

pub fn fleet() -> ExitCode {
    main::<Fleet>()
}
