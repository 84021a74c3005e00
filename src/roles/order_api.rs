//! The order-api: the HTTP API, and the relay that carries its outbox to the broker.

mod keys;
mod token;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};

use self::keys::KeysVerb;
use self::token::TokenVerb;
use super::Role;
use super::command::main_or;
use crate::config::outbound::WebhookArgs;
use crate::config::{AccessArgs, AccessMode, ManagementArgs, PaymentWebhookArgs, RateLimitArgs, Shared};
use crate::intake::http::{
    ApiParts, Guard, Identity, RateLimits, Registration, collection_json, document_json, router,
};
use crate::intake::relay::{Relay, RelayPace};
use crate::intake::{BrokerPublisher, Intake, IntakeLimits, OutboxWake};
use crate::lifecycle::SagaArgs;
use crate::ops::status::{QueueReader, Sources};
use crate::runtime::{Context, Tasks, serve};
use crate::services::rehearsals::Rehearsals;
use crate::store::outbox;
use crate::telemetry::{self, Signs, metrics};
use crate::tracking::{Limits, Tracking};

/// How often the outbox is looked at for the metrics; Prometheus scrapes every 15 s by default.
const LOOK: Duration = Duration::from_secs(5);

#[derive(Args)]
pub struct OrderApi {
    #[command(flatten)]
    server: ApiServer,
    #[command(flatten)]
    saga: SagaArgs,
}

/// The API's own options, without those that it shares with the order-processor.
#[derive(Args)]
pub struct ApiServer {
    /// Address of the API; health and metrics are served there, too.
    #[arg(long, env = "HTTP_ADDR", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    http_addr: SocketAddr,
    #[command(flatten)]
    management: ManagementArgs,
    /// Most streams of live tracking at a time; one more is asked to come back later.
    #[arg(long, env = "LIVE_STREAMS", default_value_t = Limits::default().streams, value_name = "COUNT")]
    live_streams: usize,
    #[command(flatten)]
    payment_webhook: PaymentWebhookArgs,
    #[command(flatten)]
    webhooks: Shared<WebhookArgs>,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    rate_limits: RateLimitArgs,
}

impl Role for OrderApi {
    const NAME: &'static str = "order-api";
    const ABOUT: &'static str = "Takes orders over HTTP and tells how they stand.";

    fn start(&self, context: &Context, tasks: &mut Tasks) -> anyhow::Result<()> {
        self.server.start(context, self.saga.clone(), tasks).map(drop)
    }
}

impl ApiServer {
    fn guard(&self) -> anyhow::Result<Guard> {
        let AccessArgs { access, tokens, .. } = &self.access;
        self.access.check()?;
        let identity = match access {
            AccessMode::Required => Identity::required(tokens.rules(), tokens.secret()?, self.access.issuer()?),
            AccessMode::Open => {
                tracing::warn!("ACCESS=open: everybody who reaches the API may do everything");
                Identity::Open
            }
        };
        let RateLimitArgs { rate_limit_caller, rate_limit_address, trusted_proxies, .. } = &self.rate_limits;
        let limits = RateLimits::new(rate_limit_caller.0, rate_limit_address.0, self.rate_limits.shared()?);
        let origins = self.access.cors_origins.clone().unwrap_or_default();
        Ok(Guard { identity, limits, trusted_proxies: trusted_proxies.clone().unwrap_or_default().0, origins })
    }

    fn registration(&self) -> anyhow::Result<Registration> {
        let Shared(webhooks) = &self.webhooks;
        let vault = webhooks.vault()?;
        if !vault.encrypts() {
            tracing::warn!("no WEBHOOK_KEY: secrets of new webhooks are stored unencrypted");
        }
        Ok(Registration { rules: webhooks.rules(), vault: vault.into() })
    }

    /// Answers what wakes the relay, for other roles of the process.
    ///
    /// # Errors
    /// When an option cannot be used.
    pub fn start(&self, context: &Context, saga: SagaArgs, tasks: &mut Tasks) -> anyhow::Result<OutboxWake> {
        let wake = start_relay(context, tasks);
        let (intake, writers) = Intake::start(context.db.clone(), wake.clone(), IntakeLimits::default());
        let management = self.management.build(context.broker.virtual_host())?;
        let status = Sources::new(context.questions.clone(), QueueReader::new(context.broker.clone(), management));
        let guard = self.guard()?;
        let webhooks = self.registration()?;
        tasks.spawn(guard.identity.clone().keep_fresh(context.shutdown.clone()));
        tasks.spawn(guard.limits.clone().keep_tidy(context.shutdown.clone()));
        let limits = Limits { streams: self.live_streams, ..Limits::default() };
        let tracking = Tracking::new(limits, context.shutdown.clone());
        let parts = ApiParts {
            db: context.questions.clone(),
            intake,
            status,
            broker: context.broker.clone(),
            tracking: tracking.clone(),
            links: context.links.clone(),
            payment_secrets: self.payment_webhook.build()?.into(),
            webhooks,
            consumers: Arc::new(Rehearsals::new(saga.clone())),
            saga,
            guard,
        };
        let api = router(parts);
        let api = api.layer(axum::middleware::from_fn(telemetry::observe));
        serve(context, self.http_addr, api.merge(telemetry::routes(context.health.clone())), tasks)?;
        let pulse = context.health.part(OrderApi::NAME);
        pulse.shows(Signs::default);
        pulse.up();
        tasks.spawn(writers.finished());
        tasks.spawn(tracking.run(context.questions.clone()));
        Ok(wake)
    }
}

/// The relay of this process: woken by its commits, and looking by itself for what other processes left behind.
pub fn start_relay(context: &Context, tasks: &mut Tasks) -> OutboxWake {
    let wake = OutboxWake::default();
    let publisher = Arc::new(BrokerPublisher::new(context.broker.clone()));
    let relay = Relay::new(context.workers.db.clone(), publisher, wake.clone(), RelayPace::default());
    tasks.spawn_on(relay.run(context.shutdown.clone()), &context.workers.runtime);
    tasks.spawn(watch_outbox(context.clone()));
    wake
}

/// Keeps the figures of the outbox: how long the oldest message has waited, and how many wait for an operator.
async fn watch_outbox(context: Context) {
    loop {
        match outbox_figures(&context).await {
            Ok((oldest, parked)) => {
                metrics().outbox_oldest_seconds.set(oldest.map_or(0.0, |age| age.as_secs_f64()));
                metrics().outbox_parked.set(parked);
            }
            Err(error) => tracing::debug!(%error, "the outbox cannot be looked at"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = context.shutdown.cancelled() => return,
        }
    }
}

async fn outbox_figures(context: &Context) -> Result<(Option<Duration>, i64), sqlx::Error> {
    let mut db = context.db.acquire().await?;
    Ok((outbox::oldest_age(&mut db).await?, outbox::count_parked(&mut db).await?))
}

/// What order-api can do besides serving.
#[derive(Subcommand)]
enum Verb {
    /// Print the API's contract: an OpenAPI 3.1 document in JSON, made from the code.
    Openapi,
    /// Print a Postman collection of the API, made from the same description.
    Postman,
    Token(TokenVerb),
    Keys(KeysVerb),
}

pub fn order_api() -> ExitCode {
    main_or::<OrderApi, Verb>(|verb| match verb {
        Verb::Openapi => print(document_json()),
        Verb::Postman => print(collection_json()),
        Verb::Token(verb) => verb.run(),
        Verb::Keys(verb) => verb.run(),
    })
}

fn print(document: serde_json::Result<String>) -> ExitCode {
    match document {
        Ok(text) => say(&text),
        Err(error) => {
            eprintln!("order-api: the document cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the answer to whoever asked")]
fn say(text: &str) -> ExitCode {
    println!("{text}");
    ExitCode::SUCCESS
}
