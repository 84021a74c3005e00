//! Starts roles in this process, each with the connections of a process of its own.

use std::sync::Arc;
use std::time::Duration;

use order_fleet::config::{ConsumerArgs, DatabaseArgs};
use order_fleet::intake::BrokerPublisher;
use order_fleet::intake::relay::{Relay, RelayPace};
use order_fleet::messaging::Controls;
use order_fleet::ports::gateway::{Charge, ChargeRequest, GatewayError, PaymentGateway, Refund, SimulatedGateway};
use order_fleet::ports::mail::{Mailer, Templates};
use order_fleet::ports::push::PushSender;
use order_fleet::ports::sms::SmsSender;
use order_fleet::ports::webhooks::WebhookSender;
use order_fleet::runtime::{Context, Heartbeat, Tasks, Workers};
use order_fleet::services::analytics_service::AnalyticsService;
use order_fleet::services::dead_letter_handler;
use order_fleet::services::email_service::EmailTransport;
use order_fleet::services::inventory_service::InventoryService;
use order_fleet::services::notifier::Notifier;
use order_fleet::services::order_processor::{Replies, Submissions};
use order_fleet::services::payment_service::PaymentService;
use order_fleet::services::push_service::PushTransport;
use order_fleet::services::queue_ages::QueueAges;
use order_fleet::services::scheduler::{RetentionArgs, Scheduler};
use order_fleet::services::sms_service::SmsTransport;
use order_fleet::services::webhook_service::WebhookService;
use order_fleet::telemetry::Health;
use order_fleet::tracking::Links;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Stage, defaults};
use crate::support::vault;
use crate::support::waiting::eventually;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Relay,
    Processor,
    Inventory,
    Payment,
    Email,
    Sms,
    Push,
    Analytics,
    Webhooks,
    DeadLetters,
    Scheduler,
}

impl Role {
    pub const WORKERS: [Self; 6] =
        [Self::Processor, Self::Inventory, Self::Payment, Self::Email, Self::Sms, Self::Push];

    fn name(self) -> &'static str {
        match self {
            Self::Relay => "order-api",
            Self::Processor => "order-processor",
            Self::Inventory => "inventory-service",
            Self::Payment => "payment-service",
            Self::Email => "email-service",
            Self::Sms => "sms-service",
            Self::Push => "push-service",
            Self::Analytics => "analytics-service",
            Self::Webhooks => "webhook-service",
            Self::DeadLetters => "dead-letter-handler",
            Self::Scheduler => "scheduler",
        }
    }

    /// The queues that the role empties.
    pub fn queues(self) -> &'static [&'static str] {
        match self {
            Self::Relay | Self::Scheduler => &[],
            Self::Processor => &["order_processing", "order_processing_high", "order_replies"],
            Self::Inventory => &["inventory_requests"],
            Self::Payment => &["payment_requests"],
            Self::Email => &["email_notifications"],
            Self::Sms => &["sms_notifications"],
            Self::Push => &["push_notifications"],
            Self::Analytics => &["analytics"],
            Self::Webhooks => &["webhook_deliveries"],
            Self::DeadLetters => &["dead_letters"],
        }
    }
}

/// One role as it would run alone.
pub struct Process {
    pub role: Role,
    /// Name of its connections to the database: `order-processor-2`.
    pub name: String,
    pub health: Health,
    context: Context,
    tasks: Tasks,
    heartbeat: Heartbeat,
}

/// Far above what draining takes.
const STOPPING: Duration = Duration::from_secs(25);

impl Process {
    /// As SIGTERM does: everything in hand is finished.
    pub async fn stop(mut self) {
        self.context.shutdown.cancel();
        let ended = timeout(STOPPING, async { while self.tasks.join_next().await.is_some() {} }).await;
        assert!(ended.is_ok(), "{} did not stop within {STOPPING:?}", self.name);
        self.heartbeat.stop().await;
        self.context.db.close().await;
    }
}

/// The test keeps the gateway, to ask it what it did.
struct SharedGateway(Arc<SimulatedGateway>);

impl PaymentGateway for SharedGateway {
    async fn charge(&self, request: &ChargeRequest) -> Result<Charge, GatewayError> {
        self.0.charge(request).await
    }

    async fn refund(&self, key: Uuid, charged: Option<&str>) -> Result<Refund, GatewayError> {
        self.0.refund(key, charged).await
    }
}

impl Stage {
    /// Starts each role as a process of its own and waits until it takes messages.
    pub async fn start(&mut self, roles: &[Role]) {
        for role in roles {
            let process = self.process(*role);
            self.processes.push(process);
        }
        self.are_ready().await;
    }

    /// Waits until everybody takes messages.
    pub async fn are_ready(&self) {
        for process in &self.processes {
            eventually(&format!("{} is ready", process.name), async || process.health.is_ready().then_some(())).await;
        }
    }

    /// Stops the oldest process of a role.
    pub async fn stop(&mut self, role: Role) {
        let at = self.processes.iter().position(|process| process.role == role).expect("the role runs");
        self.processes.remove(at).stop().await;
    }

    fn health(&self, name: &str) -> &Health {
        &self.processes.iter().find(|process| process.name == name).expect("the process runs").health
    }

    pub fn is_ready(&self, name: &str) -> bool {
        self.health(name).is_ready()
    }

    /// Whether some part of the process is not ready for a reason with these words.
    pub fn is_unready_because(&self, name: &str, words: &str) -> bool {
        self.health(name).report().values().flatten().any(|reason| reason.contains(words))
    }

    pub(super) fn consumed(&self) -> Vec<&'static str> {
        self.processes.iter().flat_map(|process| process.role.queues().iter().copied()).collect()
    }

    fn process(&self, role: Role) -> Process {
        let number = self.processes.iter().filter(|process| process.role == role).count() + 1;
        let name = format!("{}-{number}", role.name());
        let server = self.proxy.as_ref().map(|proxy| proxy.address);
        let database = DatabaseArgs { database_url: self.database.url(server), database_connections: 4 };
        let context = Context {
            db: database.pool_by_key(&name).expect("an address of PostgreSQL"),
            workers: Workers {
                runtime: Handle::current(),
                db: database.pool_by_key(&name).expect("an address of PostgreSQL"),
            },
            questions: database.pool(&name).expect("an address of PostgreSQL"),
            broker: self.host.broker(&name),
            health: Health::default(),
            links: Links::new(self.database.pool.clone(), "https://shop.example".parse().ok()),
            consumer: ConsumerArgs {
                bundle: self.options.bundle,
                prefetch: self.options.prefetch,
                ..defaults::<ConsumerArgs>()
            },
            controls: Controls::default(),
            shutdown: CancellationToken::new(),
        };
        let mut tasks = Tasks::new();
        tasks.spawn(context.controls.clone().keep_fresh(context.questions.clone(), context.shutdown.clone()));
        self.run(role, &context, &mut tasks);
        let heartbeat = Heartbeat::start(&context);
        Process { role, name, health: context.health.clone(), context, tasks, heartbeat }
    }

    fn run(&self, role: Role, context: &Context, tasks: &mut Tasks) {
        let folder = |channel: &str| self.folder.path().join(channel);
        match role {
            Role::Relay => {
                let publisher = Arc::new(BrokerPublisher::new(context.broker.clone()));
                let relay = Relay::new(context.db.clone(), publisher, self.wake.clone(), RelayPace::default());
                tasks.spawn(relay.run(context.shutdown.clone()));
            }
            Role::Processor => {
                context.consume(Submissions::<false> { args: self.saga() }, tasks);
                context.consume(Submissions::<true> { args: self.saga() }, tasks);
                context.consume(Replies { args: self.saga() }, tasks);
            }
            Role::Inventory => context.consume(InventoryService, tasks),
            Role::Payment => context.consume(
                PaymentService { gateway: SharedGateway(self.gateway.clone()), db: context.db.clone() },
                tasks,
            ),
            Role::Email => {
                let from = "Order Fleet <orders@fleet.example>".parse().expect("a mailbox");
                let mailer = Mailer::folder(&folder("mail"), from).expect("a folder");
                let templates = Templates::new("Order Fleet").expect("templates");
                context.consume(
                    Notifier { transport: EmailTransport { mailer, templates, links: context.links.clone() } },
                    tasks,
                );
            }
            Role::Sms => {
                let sender = SmsSender::folder(&folder("sms")).expect("a folder");
                context.consume(Notifier { transport: SmsTransport { sender } }, tasks);
            }
            Role::Push => {
                let sender = PushSender::folder(&folder("push")).expect("a folder");
                context.consume(Notifier { transport: PushTransport { sender } }, tasks);
            }
            Role::Analytics => context.consume(AnalyticsService::default(), tasks),
            Role::Webhooks => {
                let sender = WebhookSender::new(self.options.webhook_rules, self.options.webhook_deadline, None);
                context.consume(WebhookService::new(sender, vault(), self.options.webhook_patience), tasks);
            }
            Role::DeadLetters => dead_letter_handler::start(context, self.saga(), tasks),
            Role::Scheduler => {
                let pulse = context.health.part("scheduler");
                let retention = RetentionArgs::default();
                let scheduler = Scheduler { db: context.db.clone(), wake: self.wake.clone(), pulse, retention };
                tasks.spawn(scheduler.run(context.shutdown.clone()));
                let ages = QueueAges { db: context.questions.clone(), broker: context.broker.clone() };
                tasks.spawn(ages.run(context.shutdown.clone()));
            }
        }
    }
}
