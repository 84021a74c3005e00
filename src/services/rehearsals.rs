//! What each consumer of the fleet would do with a dead letter: its own code, with nobody at the other end of its calls. Handed to
//! whatever shows or replays dead letters.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use sqlx::PgPool;
use uuid::Uuid;

use super::analytics_service::AnalyticsService;
use super::email_service::EmailTransport;
use super::inventory_service::InventoryService;
use super::notifier::{Notifier, Transport};
use super::order_processor::{Replies, SagaArgs, Submissions};
use super::payment_service::PaymentService;
use super::push_service::PushTransport;
use super::sms_service::SmsTransport;
use super::webhook_service::WebhookService;
use crate::contract::Outgoing;
use crate::contract::notification::Notification;
use crate::dead_letters::consumers::{Consumers, Rehearsed, Verdict};
use crate::dead_letters::way_back::{again, way_back};
use crate::domain::notification::Channel;
use crate::messaging::{Failure, Handler, Incoming, Rehearsal, Source, rehearse};
use crate::ports::gateway::{Charge, ChargeRequest, GatewayError, PaymentGateway, Refund};
use crate::ports::outbound::Sent;
use crate::ports::webhooks::{AddressRules, Vault, WebhookSender};
use crate::store::dead_letters::DeadLetter;
use crate::store::webhook_deliveries::Patience;
use crate::telemetry::chain;
use crate::topology::WorkQueue;

/// The fleet's consumers, as they are asked.
pub struct Rehearsals {
    saga: SagaArgs,
}

impl Rehearsals {
    pub fn new(saga: SagaArgs) -> Self {
        Self { saga }
    }

    async fn of_queue(&self, db: &PgPool, queue: WorkQueue, incoming: Incoming) -> Result<Rehearsal, sqlx::Error> {
        let saga = || self.saga.clone();
        match queue {
            WorkQueue::OrderProcessing => rehearse(&Submissions::<false> { args: saga() }, db, incoming).await,
            WorkQueue::OrderProcessingHigh => rehearse(&Submissions::<true> { args: saga() }, db, incoming).await,
            WorkQueue::OrderReplies => rehearse(&Replies { args: saga() }, db, incoming).await,
            WorkQueue::InventoryRequests => rehearse(&InventoryService, db, incoming).await,
            WorkQueue::PaymentRequests => {
                rehearse(&PaymentService { gateway: Nobody, db: db.clone() }, db, incoming).await
            }
            WorkQueue::EmailNotifications => rehearse(&channel::<EmailTransport>(), db, incoming).await,
            WorkQueue::SmsNotifications => rehearse(&channel::<SmsTransport>(), db, incoming).await,
            WorkQueue::PushNotifications => rehearse(&channel::<PushTransport>(), db, incoming).await,
            WorkQueue::Analytics => rehearse(&AnalyticsService::default(), db, incoming).await,
            WorkQueue::WebhookDeliveries => rehearse(&webhooks(), db, incoming).await,
        }
    }
}

impl Consumers for Rehearsals {
    fn inbox_of(&self, queue: &str) -> Option<&'static str> {
        Some(match WorkQueue::by_name(queue)? {
            WorkQueue::OrderProcessing => Submissions::<false>::ROLE,
            WorkQueue::OrderProcessingHigh => Submissions::<true>::ROLE,
            WorkQueue::OrderReplies => Replies::ROLE,
            WorkQueue::InventoryRequests => InventoryService::ROLE,
            WorkQueue::PaymentRequests => PaymentService::<Nobody>::ROLE,
            WorkQueue::EmailNotifications => EmailTransport::ROLE,
            WorkQueue::SmsNotifications => SmsTransport::ROLE,
            WorkQueue::PushNotifications => PushTransport::ROLE,
            WorkQueue::Analytics => AnalyticsService::ROLE,
            WorkQueue::WebhookDeliveries => WebhookService::ROLE,
        })
    }

    fn applies_all_new(&self, queue: &str) -> bool {
        match WorkQueue::by_name(queue) {
            // every event is recorded
            Some(WorkQueue::Analytics) => true,
            Some(
                WorkQueue::OrderProcessing
                | WorkQueue::OrderProcessingHigh
                | WorkQueue::OrderReplies
                | WorkQueue::InventoryRequests
                | WorkQueue::PaymentRequests
                | WorkQueue::EmailNotifications
                | WorkQueue::SmsNotifications
                | WorkQueue::PushNotifications
                | WorkQueue::WebhookDeliveries,
            )
            | None => false,
        }
    }

    fn rehearse<'a>(&'a self, db: &'a PgPool, letter: DeadLetter) -> Rehearsed<'a> {
        Box::pin(async move {
            let unknown = |why: &str| Verdict::Unknown { why: why.to_owned() };
            let Some(way) = way_back(&letter.summary) else { return unknown("nobody can tell where it came from") };
            let Some(queue) = WorkQueue::by_name(&letter.summary.queue) else {
                return unknown("its consumer is not one of the fleet");
            };
            let wire = again(letter, way, true);
            let incoming = Incoming::read(&wire.exchange, &wire.routing_key, wire.properties, wire.body);
            match self.of_queue(db, queue, incoming).await {
                Ok(rehearsal) => verdict(rehearsal),
                Err(error) => Verdict::Unknown { why: format!("it could not be tried: {}", chain(&error)) },
            }
        })
    }
}

fn verdict(rehearsal: Rehearsal) -> Verdict {
    let skip = |why: &str| Verdict::Skip { why: why.to_owned() };
    match rehearsal {
        Rehearsal::Known => skip("it has been handled before"),
        Rehearsal::Unconcerned => skip("it does not concern its consumer"),
        Rehearsal::WouldCall(who) => {
            Verdict::Apply { writes: Vec::new(), publishes: Vec::new(), calls: Some(who.to_owned()) }
        }
        Rehearsal::Done { writes, publishes } if writes.is_empty() && publishes.is_empty() => {
            skip("it would change nothing")
        }
        Rehearsal::Done { writes, publishes } => Verdict::Apply {
            writes: writes.iter().map(|(table, rows)| format!("{rows} {table}")).collect(),
            publishes: counted(&publishes),
            calls: None,
        },
        Rehearsal::Failed(failure) => {
            Verdict::Fail { error: failure.to_string(), is_unreadable: matches!(failure, Failure::BadMessage(_)) }
        }
    }
}

fn counted(publishes: &[Outgoing]) -> Vec<String> {
    let mut by_kind: BTreeMap<&str, usize> = BTreeMap::new();
    for message in publishes {
        *by_kind.entry(&message.kind).or_default() += 1;
    }
    by_kind
        .into_iter()
        .map(|(kind, count)| if count == 1 { kind.to_owned() } else { format!("{count} {kind}") })
        .collect()
}

fn channel<T>() -> Notifier<Silent<T>> {
    Notifier { transport: Silent(PhantomData) }
}

fn webhooks() -> WebhookService {
    let patience = Patience { hours: u16::MAX, failures: u16::MAX };
    let sender = WebhookSender::new(AddressRules::default(), Duration::ZERO, None);
    WebhookService::new(sender, Vault::default(), patience)
}

/// Nobody answers; a rehearsal never asks.
struct Nobody;

impl PaymentGateway for Nobody {
    async fn charge(&self, _: &ChargeRequest) -> Result<Charge, GatewayError> {
        Err(GatewayError::Unavailable)
    }

    async fn refund(&self, _: Uuid, _: Option<&str>) -> Result<Refund, GatewayError> {
        Err(GatewayError::Unavailable)
    }
}

/// A channel that sends nothing.
struct Silent<T>(PhantomData<fn() -> T>);

impl<T: Transport> Transport for Silent<T> {
    const ROLE: &'static str = T::ROLE;
    const SOURCE: Source = T::SOURCE;
    const CHANNEL: Channel = T::CHANNEL;
    const DEPENDENCY: &'static str = T::DEPENDENCY;

    fn recipient(notification: &Notification) -> Option<String> {
        T::recipient(notification)
    }

    async fn send(&self, _: Uuid, _: &Notification) -> Result<Sent, Failure> {
        Err(Failure::Transient("nothing is sent in a rehearsal".to_owned()))
    }
}
