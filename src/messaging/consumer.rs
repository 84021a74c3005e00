//! The loop of every worker: take what has arrived, prepare it, decide the batch, publish, acknowledge.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::Connection;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use sqlx::PgPool;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::broker::{DEADLINE, in_time};
use super::fault::Fault;
use super::session::Session;
use super::{Broker, Handler, supervise};
use crate::config::ConsumerArgs;
use crate::telemetry::{Pulse, metrics};

/// Closing is a courtesy; a broker under an alarm does not answer it.
pub(super) const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

/// One role's consumer.
pub struct Consumer<H: Handler> {
    pub handler: Arc<H>,
    pub broker: Broker,
    pub db: PgPool,
    pub args: ConsumerArgs,
    pub pulse: Pulse,
}

impl<H: Handler> Consumer<H> {
    /// Consumes until the token is cancelled, through every fault of broker and database.
    pub async fn run(self, shutdown: CancellationToken) {
        supervise(H::ROLE, &self.pulse, &shutdown, || self.session(&shutdown)).await;
    }

    async fn session(&self, shutdown: &CancellationToken) -> Result<(), Fault> {
        let connection = self.broker.connect(&format!("consuming {}", H::SOURCE.queue())).await?;
        let up = metrics().consumer_up.with_label_values(&[H::ROLE]);
        let ended = self.consume(&connection, shutdown).await;
        up.set(0);
        // The result does not matter: whatever was not acknowledged comes again either way.
        let _ = timeout(CLOSE_DEADLINE, connection.close(200, "done".into())).await;
        ended
    }

    async fn consume(&self, connection: &Connection, shutdown: &CancellationToken) -> Result<(), Fault> {
        let channel = in_time("opening a channel", DEADLINE, connection.create_channel()).await?;
        let qos = channel.basic_qos(self.args.prefetch, BasicQosOptions::default());
        in_time("setting the prefetch", DEADLINE, qos).await?;
        let options = BasicConsumeOptions::default();
        let consume = channel.basic_consume(H::SOURCE.queue().into(), H::ROLE.into(), options, FieldTable::default());
        let mut stream = in_time("starting to consume", DEADLINE, consume).await?;
        let mut session = Session::start(self, shutdown).await?;
        metrics().consumer_up.with_label_values(&[H::ROLE]).set(1);
        self.pulse.up();
        loop {
            let mut arrivals = Vec::new();
            let mut ready = Vec::new();
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(called) = session.outside.join_next() => ready.extend(called.ok()),
                arrival = stream.next() => arrivals.push(session.take(arrival)?),
            }
            while ready.len() < self.args.batch
                && let Some(called) = session.outside.try_join_next()
            {
                ready.extend(called.ok());
            }
            while arrivals.len() < self.args.batch
                && let Some(arrival) = stream.next().now_or_never()
            {
                arrivals.push(session.take(arrival)?);
            }
            session.prepare(arrivals, &mut ready).await?;
            session.finish(ready).await?;
        }
        session.drain(&channel).await
    }
}
