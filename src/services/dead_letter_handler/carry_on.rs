//! What the service does besides storing: carries on replays that nobody runs (begun over the API, or left behind by a command line that
//! was killed), and releases parked messages whose turn has come.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use uuid::Uuid;

use crate::dead_letters::consumers::Consumers;
use crate::dead_letters::release::Releaser;
use crate::dead_letters::replay::Runner;
use crate::runtime::Context;
use crate::store::dead_letters as store;
use crate::telemetry::chain;

/// Pause between two looks for replays that nobody runs.
const LOOK: Duration = Duration::from_secs(2);

/// Runs until the process is told to stop.
pub(super) async fn carry_on(context: Context, consumers: Arc<dyn Consumers>) {
    let mut runner =
        Runner::new(Uuid::now_v7(), context.questions.clone(), context.broker.clone(), Arc::clone(&consumers));
    let mut releaser = Releaser::new(context.questions.clone(), context.broker.clone());
    while !context.shutdown.is_cancelled() {
        if let Err(error) = releaser.release(consumers.as_ref()).await {
            tracing::warn!(error = chain(&error), "parked messages wait for the database");
        }
        if let Err(error) = all(&mut runner, &context).await {
            tracing::warn!(error = chain(&error), "replays wait for the database");
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            () = context.shutdown.cancelled() => {}
        }
    }
}

async fn all(runner: &mut Runner, context: &Context) -> Result<(), sqlx::Error> {
    let mut db = context.questions.acquire().await?;
    let orphans = store::orphans(&mut db).await?;
    drop(db);
    for operation in orphans {
        tracing::info!(%operation, "carrying on a replay");
        let left = runner.run(operation, &context.shutdown).await?;
        tracing::info!(%operation, ?left, "a replay is left");
    }
    Ok(())
}
