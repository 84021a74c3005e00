//! Real workers of the fleet in the test's own process, stopped with it.

use order_fleet::config::ConsumerArgs;
use order_fleet::messaging::{Broker, Controls, Handler};
use order_fleet::runtime::{self, Context, Tasks};
use order_fleet::telemetry::Health;
use order_fleet::tracking::Links;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{TestBroker, TestDatabase};

pub struct Workers {
    context: Context,
    tasks: Tasks,
}

impl Workers {
    pub fn new(database: &TestDatabase, broker: &TestBroker) -> Self {
        Self::at(database, broker.broker("test"))
    }

    /// Workers who reach the broker another way.
    pub fn at(database: &TestDatabase, broker: Broker) -> Self {
        let context = Context {
            db: database.pool.clone(),
            workers: runtime::Workers { runtime: Handle::current(), db: database.pool.clone() },
            questions: database.pool.clone(),
            broker,
            health: Health::default(),
            links: Links::new(database.pool.clone(), None),
            consumer: ConsumerArgs { prefetch: 256, batch: 128, bundle: 1, drain_seconds: 5 },
            controls: Controls::default(),
            shutdown: CancellationToken::new(),
        };
        let mut tasks = Tasks::new();
        tasks.spawn(context.controls.clone().keep_fresh(context.db.clone(), context.shutdown.clone()));
        Self { context, tasks }
    }

    pub fn start<H: Handler>(&mut self, handler: H) {
        self.context.consume(handler, &mut self.tasks);
    }

    /// Lets everything in hand be finished.
    pub async fn stop(mut self) {
        self.context.shutdown.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}
