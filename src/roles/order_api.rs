//! The order-api: the HTTP API, and the relay that carries its outbox to the broker.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::{Role, main};
use crate::intake::http::{ApiState, router};
use crate::intake::relay::{Relay, RelayPace};
use crate::intake::{BrokerPublisher, Intake, IntakeLimits, OutboxWake};
use crate::runtime::{Context, Tasks, serve};
use crate::telemetry;

#[derive(Args)]
pub struct OrderApi {
    /// Address of the API; health and metrics are served there, too.
    #[arg(long, env = "HTTP_ADDR", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    http_addr: SocketAddr,
}

impl Role for OrderApi {
    const NAME: &'static str = "order-api";
    const ABOUT: &'static str = "Takes orders over HTTP and tells how they stand.";

    fn start(&self, context: &Context, tasks: &mut Tasks) -> anyhow::Result<()> {
        let wake = OutboxWake::default();
        let (intake, writers) = Intake::start(context.db.clone(), wake.clone(), IntakeLimits::default());
        let api = router(ApiState { db: context.db.clone(), intake });
        serve(context, self.http_addr, api.merge(telemetry::routes(context.health.clone())), tasks)?;
        tasks.spawn(writers.finished());
        start_relay(context, wake, tasks);
        Ok(())
    }
}

/// A relay of this process's own: woken by its commits, and looking by itself for what other processes left behind.
pub fn start_relay(context: &Context, wake: OutboxWake, tasks: &mut Tasks) {
    let publisher = Arc::new(BrokerPublisher::new(context.broker.clone()));
    let relay = Relay::new(context.db.clone(), publisher, wake, RelayPace::default());
    tasks.spawn(relay.run(context.shutdown.clone()));
}

pub fn order_api() -> ExitCode {
    main::<OrderApi>()
}
