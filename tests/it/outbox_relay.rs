//! The outbox relay against a real PostgreSQL and a broker that does what the test tells it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use order_fleet::contract::{Outgoing, Unroutable};
use order_fleet::intake::OutboxWake;
use order_fleet::intake::relay::{PublishBatch, PublishFailed, Relay, RelayError, RelayPace, Round};
use order_fleet::messaging::Verdict;
use order_fleet::store::outbox;
use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{TestDatabase, eventually};

type Answer = Box<dyn Fn(&Outgoing) -> Verdict + Send + Sync>;

/// Remembers what was published; fails the first `failures` batches after it took them.
struct Broker {
    published: Mutex<Vec<Uuid>>,
    failures: Mutex<usize>,
    answer: Answer,
}

impl Broker {
    fn new(failures: usize, answer: impl Fn(&Outgoing) -> Verdict + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { published: Mutex::default(), failures: Mutex::new(failures), answer: Box::new(answer) })
    }

    fn published(&self) -> Vec<Uuid> {
        self.published.lock().expect("not poisoned").clone()
    }
}

impl PublishBatch for Broker {
    fn publish<'a>(&'a self, messages: &'a [Outgoing]) -> BoxFuture<'a, Result<Vec<Verdict>, PublishFailed>> {
        async move {
            self.published.lock().expect("not poisoned").extend(messages.iter().map(|message| message.message_id));
            let mut failures = self.failures.lock().expect("not poisoned");
            if *failures > 0 {
                *failures -= 1;
                return Err(PublishFailed("the connection was cut".into()));
            }
            Ok(messages.iter().map(&self.answer).collect())
        }
        .boxed()
    }
}

fn stored(_: &Outgoing) -> Verdict {
    Verdict::Stored
}

fn messages(count: u128) -> Vec<Outgoing> {
    (0..count)
        .map(|n| Outgoing::json(Uuid::from_u128(n), "orders", "process", "test", &json!({ "n": n })).expect("encodes"))
        .collect()
}

async fn filled(messages: &[Outgoing]) -> TestDatabase {
    let database = TestDatabase::create().await;
    let mut connection = database.pool.acquire().await.expect("a connection");
    outbox::add_all(&mut connection, messages).await.expect("stored");
    drop(connection);
    database
}

fn relay(database: &TestDatabase, broker: &Arc<Broker>, pace: RelayPace) -> Relay {
    Relay::new(database.pool.clone(), broker.clone(), OutboxWake::default(), pace)
}

async fn waiting(database: &TestDatabase) -> i64 {
    database.number("select count(*) from outbox where parked is null").await
}

#[tokio::test]
async fn messages_leave_in_the_order_in_which_they_were_written() {
    let all = messages(25);
    let database = filled(&all).await;
    let broker = Broker::new(0, stored);
    let relay = relay(&database, &broker, RelayPace { batch: 10, ..RelayPace::default() });
    for expected in [10, 10, 5, 0] {
        assert_eq!(relay.relay_once().await.expect("relayed"), Round { published: expected, parked: 0 });
    }
    assert_eq!(broker.published(), all.iter().map(|message| message.message_id).collect::<Vec<_>>());
    assert_eq!(waiting(&database).await, 0);
}

#[tokio::test]
async fn a_batch_that_was_not_confirmed_stays_and_goes_again_under_the_same_ids() {
    let database = filled(&messages(3)).await;
    let broker = Broker::new(1, stored);
    let relay = relay(&database, &broker, RelayPace::default());
    assert!(matches!(relay.relay_once().await, Err(RelayError::Publish(_))));
    assert_eq!(waiting(&database).await, 3);
    assert_eq!(relay.relay_once().await.expect("relayed").published, 3);
    let published = broker.published();
    assert_eq!(published[..3], published[3..]);
}

#[tokio::test]
async fn what_the_broker_does_not_want_is_parked_with_its_reason_and_gets_another_turn() {
    let mut all = messages(4);
    all[2].unroutable = Unroutable::Drop;
    let database = filled(&all).await;
    let broker = Broker::new(0, |message| match message.message_id.as_u128() {
        1 | 2 => Verdict::Unroutable("312 NO_ROUTE".into()),
        3 => Verdict::Rejected,
        _ => Verdict::Stored,
    });
    let round = relay(&database, &broker, RelayPace::default()).relay_once().await.expect("relayed");
    assert_eq!(round, Round { published: 2, parked: 2 });
    let reasons: Vec<String> = sqlx::query_scalar("select parked from outbox order by position")
        .fetch_all(&database.pool)
        .await
        .expect("rows");
    assert_eq!(reasons, ["unroutable: 312 NO_ROUTE", "rejected by a queue"]);
    assert_eq!(database.number("select min(position) from outbox").await, 2, "it keeps its place");

    let mut connection = database.pool.acquire().await.expect("a connection");
    assert_eq!(outbox::count_parked(&mut connection).await.expect("counted"), 2);
    assert!(outbox::oldest_age(&mut connection).await.expect("read").is_some());
    assert_eq!(outbox::unpark_all(&mut connection).await.expect("unparked"), 2);
    let repaired = Broker::new(0, stored);
    let round = relay(&database, &repaired, RelayPace::default()).relay_once().await.expect("relayed");
    assert_eq!(round, Round { published: 2, parked: 0 });
    assert_eq!(outbox::oldest_age(&mut connection).await.expect("read"), None);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_does_not_hold_up_the_others() {
    let database = filled(&messages(2)).await;
    database.execute("update outbox set message = '{\"newer\": true}' where position = 1").await;
    let broker = Broker::new(0, stored);
    let round = relay(&database, &broker, RelayPace::default()).relay_once().await.expect("relayed");
    assert_eq!(round, Round { published: 1, parked: 1 });
    assert_eq!(database.number("select count(*) from outbox where parked like 'unreadable: %'").await, 1);
}

#[tokio::test]
async fn two_relays_share_the_work_and_publish_nothing_twice() {
    let database = filled(&messages(400)).await;
    let broker = Broker::new(0, stored);
    let pace = RelayPace { batch: 20, ..RelayPace::default() };
    let shutdown = CancellationToken::new();
    let running: Vec<_> = (0..2).map(|_| tokio::spawn(relay(&database, &broker, pace).run(shutdown.clone()))).collect();
    eventually("the outbox is empty", async || (waiting(&database).await == 0).then_some(())).await;
    shutdown.cancel();
    for ended in join_all(running).await {
        ended.expect("the relay ends by itself");
    }
    let mut published = broker.published();
    published.sort_unstable();
    assert_eq!(published, (0..400).map(Uuid::from_u128).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_sleeping_relay_is_woken_and_one_that_failed_tries_again() {
    let database = filled(&[]).await;
    let broker = Broker::new(3, stored);
    let pace = RelayPace {
        poll: Duration::from_secs(3600),
        backoff: (Duration::from_millis(5), Duration::from_millis(20)),
        ..RelayPace::default()
    };
    let (wake, shutdown) = (OutboxWake::default(), CancellationToken::new());
    let relay = Relay::new(database.pool.clone(), broker.clone(), wake.clone(), pace);
    let running = tokio::spawn(relay.run(shutdown.clone()));
    let mut connection = database.pool.acquire().await.expect("a connection");
    outbox::add_all(&mut connection, &messages(2)).await.expect("stored");
    wake.wake();
    eventually("the outbox is empty", async || (waiting(&database).await == 0).then_some(())).await;
    assert_eq!(broker.published().len(), 8, "three failures and a success, two messages each");
    shutdown.cancel();
    running.await.expect("the relay ends by itself");
}

#[tokio::test]
async fn a_broker_that_never_confirms_does_not_hold_the_messages() {
    struct Silent;
    impl PublishBatch for Silent {
        fn publish<'a>(&'a self, _: &'a [Outgoing]) -> BoxFuture<'a, Result<Vec<Verdict>, PublishFailed>> {
            std::future::pending().boxed()
        }
    }
    let database = filled(&messages(1)).await;
    let pace = RelayPace { confirm: Duration::from_millis(50), ..RelayPace::default() };
    let relay = Relay::new(database.pool.clone(), Arc::new(Silent), OutboxWake::default(), pace);
    assert!(matches!(relay.relay_once().await, Err(RelayError::TooSlow)));
    assert_eq!(waiting(&database).await, 1);
}

#[tokio::test]
async fn however_many_messages_pass_the_table_does_not_grow() {
    let database = filled(&[]).await;
    let broker = Broker::new(0, stored);
    let relay = relay(&database, &broker, RelayPace::default());
    let some = messages(3_000);
    let mut sizes = Vec::new();
    for round in 1..=4 {
        let mut connection = database.pool.acquire().await.expect("a connection");
        outbox::add_all(&mut connection, &some).await.expect("stored");
        drop(connection);
        while relay.relay_once().await.expect("relayed").published > 0 {}
        // every ten seconds for each database, and the machine may be busy
        let cleaned =
            "select coalesce(sum(autovacuum_count), 0)::bigint from pg_stat_user_tables where relname = 'outbox'";
        let deadline = Instant::now() + Duration::from_secs(90);
        while database.number(cleaned).await < round {
            assert!(Instant::now() < deadline, "no autovacuum of the outbox in round {round}");
            sleep(Duration::from_millis(200)).await;
        }
        sizes.push(database.number("select pg_total_relation_size('outbox')").await);
    }
    // the first rounds make the table as large as one round needs
    assert!(sizes[3] <= sizes[1] + sizes[1] / 2, "sizes in bytes after each round: {sizes:?}");
}
