//! Messages that come twice, and late: what the fleet has published once is taken from the inbox (where every consumer keeps what it
//! caused) and published again under the same ids. Used by the injector.

use std::time::Duration;

use anyhow::Context;
use fastrand::Rng;
use sqlx::PgPool;
use tokio::time::Instant;

use crate::contract::Outgoing;
use crate::intake::BrokerPublisher;
use crate::intake::relay::PublishBatch;

/// Servers may be down when copies are due.
const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Of the last seconds: copies meet their originals in the consumer's hands.
    Fresh,
    /// Of any time, and the newest first.
    Old,
}

/// Publishes copies of `count` messages; answers how many there were.
///
/// # Errors
/// When the servers stay away.
pub async fn publish(
    db: &PgPool,
    publisher: &BrokerPublisher,
    age: Age,
    count: usize,
    seed: u64,
) -> anyhow::Result<usize> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let tried = once(db, publisher, age, count, seed).await;
        if tried.is_ok() || Instant::now() >= deadline {
            return tried;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn once(db: &PgPool, publisher: &BrokerPublisher, age: Age, count: usize, seed: u64) -> anyhow::Result<usize> {
    let newest_first = "select outgoing::text from inbox where outgoing is not null order by received_at desc limit $1";
    let of_any_time = "select outgoing::text from (select outgoing, received_at from inbox where outgoing is not null \
                       order by md5(message_id::text || $2) limit $1) as old order by received_at desc";
    let rows: Vec<String> = match age {
        Age::Fresh => sqlx::query_scalar(newest_first).bind(i64::try_from(count)?).fetch_all(db).await?,
        Age::Old => {
            let query = sqlx::query_scalar(of_any_time).bind(i64::try_from(count)?).bind(seed.to_string());
            query.fetch_all(db).await?
        }
    };
    let mut messages: Vec<Outgoing> = Vec::new();
    for row in rows {
        messages.extend(serde_json::from_str::<Vec<Outgoing>>(&row).context("a row of the inbox cannot be read")?);
    }
    if age == Age::Fresh {
        Rng::with_seed(seed).shuffle(&mut messages);
    }
    messages.truncate(count);
    publisher.publish(&messages).await.context("the copies cannot be published")?;
    Ok(messages.len())
}
