//! The workers that consume one queue or two, and nothing else.

use std::process::ExitCode;

use clap::Args;

use super::{Role, main};
use crate::config::Shared;
use crate::config::outbound::{DeliveryArgs, GatewayArgs, MailArgs, PushArgs, SmsArgs, WebhookArgs};
use crate::runtime::{Context, Tasks};
use crate::services::analytics_service::AnalyticsService;
use crate::services::email_service::EmailTransport;
use crate::services::inventory_service::InventoryService;
use crate::services::notifier::Notifier;
use crate::services::order_processor::{Replies, SagaArgs, Submissions};
use crate::services::payment_service::PaymentService;
use crate::services::push_service::PushTransport;
use crate::services::sms_service::SmsTransport;
use crate::services::webhook_service::WebhookService;
use crate::store::webhook_deliveries::Patience;

#[derive(Args)]
pub struct OrderProcessor {
    #[command(flatten)]
    saga: SagaArgs,
}

impl OrderProcessor {
    /// How long the saga waits; in one process with it, the API waits as long.
    pub fn saga(&self) -> &SagaArgs {
        &self.saga
    }
}

impl Role for OrderProcessor {
    const NAME: &'static str = "order-processor";
    const ABOUT: &'static str = "Runs the saga of every order: reserve the stock, take the payment, confirm; or undo.";

    fn start(&self, context: &Context, tasks: &mut Tasks) -> anyhow::Result<()> {
        context.consume(Submissions::<false> { args: self.saga.clone() }, tasks);
        context.consume(Submissions::<true> { args: self.saga.clone() }, tasks);
        context.consume(Replies { args: self.saga.clone() }, tasks);
        Ok(())
    }
}

#[derive(Args)]
pub struct Inventory {}

impl Role for Inventory {
    const NAME: &'static str = "inventory-service";
    const ABOUT: &'static str = "Reserves, releases, sells and takes back stock on request (queue inventory_requests).";

    fn start(&self, context: &Context, tasks: &mut Tasks) -> anyhow::Result<()> {
        context.consume(InventoryService, tasks);
        Ok(())
    }
}

#[derive(Args)]
pub struct Payment {
    #[command(flatten)]
    gateway: GatewayArgs,
}

impl Role for Payment {
    const NAME: &'static str = "payment-service";
    const ABOUT: &'static str = "Takes, cancels and refunds payments on request (queue payment_requests).";

    fn start(&self, context: &Context, tasks: &mut Tasks) -> anyhow::Result<()> {
        context.consume(PaymentService { gateway: self.gateway.build()?, db: context.workers.db.clone() }, tasks);
        Ok(())
    }
}

#[derive(Args)]
pub struct Email {
    #[command(flatten)]
    mail: Shared<MailArgs>,
}

impl Role for Email {
    const NAME: &'static str = "email-service";
    const ABOUT: &'static str = "Mails confirmations, failures, refunds and cancellations, by SMTP or into a folder.";

    fn start(&self, context: &Context, tasks: &mut Tasks) -> anyhow::Result<()> {
        let Shared(mail) = &self.mail;
        let transport =
            EmailTransport { mailer: mail.build()?, templates: mail.templates()?, links: context.links.clone() };
        context.consume(Notifier { transport }, tasks);
        Ok(())
    }
}

#[derive(Args)]
pub struct Sms {
    #[command(flatten)]
    sms: SmsArgs,
}

impl Role for Sms {
    const NAME: &'static str = "sms-service";
    const ABOUT: &'static str = "Sends shipping updates as SMS, by a Twilio-compatible API or into a folder.";

    fn start(&self, context: &Context, tasks: &mut Tasks) -> anyhow::Result<()> {
        context.consume(Notifier { transport: SmsTransport { sender: self.sms.build()? } }, tasks);
        Ok(())
    }
}

#[derive(Args)]
pub struct Push {
    #[command(flatten)]
    push: PushArgs,
}

impl Role for Push {
    const NAME: &'static str = "push-service";
    const ABOUT: &'static str = "Sends every notification to the customer's devices, by FCM or into a folder.";

    fn start(&self, context: &Context, tasks: &mut Tasks) -> anyhow::Result<()> {
        context.consume(Notifier { transport: PushTransport { sender: self.push.build()? } }, tasks);
        Ok(())
    }
}

#[derive(Args)]
pub struct Analytics {}

impl Role for Analytics {
    const NAME: &'static str = "analytics-service";
    const ABOUT: &'static str = "Records every event once and keeps the figures per minute and per day.";

    fn start(&self, context: &Context, tasks: &mut Tasks) -> anyhow::Result<()> {
        context.consume(AnalyticsService::default(), tasks);
        Ok(())
    }
}

#[derive(Args)]
pub struct Webhooks {
    #[command(flatten)]
    webhooks: Shared<WebhookArgs>,
    #[command(flatten)]
    delivery: DeliveryArgs,
}

impl Role for Webhooks {
    const NAME: &'static str = "webhook-service";
    const ABOUT: &'static str = "Delivers events to partners' endpoints, signed (queue webhook_deliveries).";

    fn start(&self, context: &Context, tasks: &mut Tasks) -> anyhow::Result<()> {
        let (Shared(webhooks), delivery) = (&self.webhooks, &self.delivery);
        let patience = Patience { hours: delivery.webhook_disable_hours, failures: delivery.webhook_disable_failures };
        let service = WebhookService::new(delivery.sender(webhooks.rules())?, webhooks.vault()?, patience);
        context.consume(service, tasks);
        Ok(())
    }
}

pub fn analytics_service() -> ExitCode {
    main::<Analytics>()
}

pub fn webhook_service() -> ExitCode {
    main::<Webhooks>()
}

pub fn order_processor() -> ExitCode {
    main::<OrderProcessor>()
}

pub fn inventory_service() -> ExitCode {
    main::<Inventory>()
}

pub fn payment_service() -> ExitCode {
    main::<Payment>()
}

pub fn email_service() -> ExitCode {
    main::<Email>()
}

pub fn sms_service() -> ExitCode {
    main::<Sms>()
}

pub fn push_service() -> ExitCode {
    main::<Push>()
}
