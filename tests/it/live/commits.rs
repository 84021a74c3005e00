//! Transactions commit out of the order of their ids, or not at all: nobody misses anything, and nothing comes twice.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::PgPool;
use tokio::time::{sleep, timeout};

use super::{api, append, insert_order};
use crate::support::streams::EventSource;

#[tokio::test]
async fn a_transition_that_commits_late_is_waited_for_and_one_that_is_rolled_back_is_not() {
    let (database, api) = api().await;
    let mut db = database.pool.acquire().await.expect("a connection");
    let orders =
        [insert_order(&mut db, "c-1").await, insert_order(&mut db, "c-1").await, insert_order(&mut db, "c-1").await];
    let url = format!("{}/api/v1/customers/c-1/events", api.address);
    let mut source = EventSource::open(&url, None).await;
    source.until_current().await;

    let mut late = database.pool.begin().await.expect("a transaction");
    let slow = append(&mut late, orders[0], "submitted", "processing").await;
    let quick = append(&mut db, orders[1], "submitted", "processing").await;
    assert!(slow < quick, "the id was drawn before");
    // an order alone has nothing to wait for
    let mut alone = EventSource::open(&format!("{}/api/v1/orders/{}/events", api.address, orders[1]), None).await;
    assert_eq!(alone.transition().await.expect("told").id, quick);
    let early = timeout(Duration::from_millis(1_500), source.transition()).await;
    assert!(early.is_err(), "told of {quick} while {slow} was on its way: {early:?}");
    late.commit().await.expect("committed");
    for id in [slow, quick] {
        assert_eq!(source.transition().await.expect("told").id, id);
    }

    let mut never = database.pool.begin().await.expect("a transaction");
    let gone = append(&mut never, orders[0], "stock_reserved", "processing").await;
    let next = append(&mut db, orders[2], "submitted", "processing").await;
    assert!(gone < next);
    never.rollback().await.expect("rolled back");
    assert_eq!(source.transition().await.expect("told").id, next);

    let mut again = EventSource::open(&url, Some("0")).await;
    let ids: Vec<i64> = again.until_current().await.0.iter().map(|transition| transition.id).collect();
    assert_eq!(ids, [slow, quick, next]);
}

#[tokio::test]
async fn a_stream_that_begins_while_a_transition_is_on_its_way_does_not_miss_it() {
    let (database, api) = api().await;
    let mut db = database.pool.acquire().await.expect("a connection");
    let (first, second) = (insert_order(&mut db, "c-1").await, insert_order(&mut db, "c-1").await);
    let mut late = database.pool.begin().await.expect("a transaction");
    let slow = append(&mut late, first, "submitted", "processing").await;
    let quick = append(&mut db, second, "submitted", "processing").await;

    // nobody watched before: this one starts the reading, with an undecided id below the newest
    let url = format!("{}/api/v1/customers/c-1/events", api.address);
    let mut source = EventSource::open(&url, Some("0")).await;
    assert!(timeout(Duration::from_millis(1_500), source.transition()).await.is_err(), "nothing is decided yet");
    late.commit().await.expect("committed");
    for id in [slow, quick] {
        assert_eq!(source.transition().await.expect("told").id, id);
    }
}

/// Writers at the same time, each with transactions of several orders that last a while and are sometimes rolled back.
async fn write(pool: PgPool, customer: &str, rounds: u32, random: u64) {
    let mut random = fastrand::Rng::with_seed(random);
    for _ in 0..rounds {
        let mut transaction = pool.begin().await.expect("a transaction");
        let order = insert_order(&mut transaction, customer).await;
        for event in ["accepted", "submitted", "stock_reserved"].iter().take(random.usize(1..=3)) {
            append(&mut transaction, order, event, "processing").await;
            sleep(Duration::from_millis(random.u64(0..8))).await;
        }
        match random.u32(0..5) {
            0 => transaction.rollback().await.expect("rolled back"),
            _ => transaction.commit().await.expect("committed"),
        }
    }
}

#[tokio::test]
async fn under_many_writers_a_reader_who_comes_and_goes_is_told_everything_once_and_in_order() {
    let (database, api) = api().await;
    let url = format!("{}/api/v1/customers/c-1/events", api.address);
    let writers = (0..6).map(|n| write(database.pool.clone(), if n < 4 { "c-1" } else { "c-2" }, 40, n));
    let reader = async {
        let (mut told, mut last) = (Vec::new(), "0".to_owned());
        let mut random = fastrand::Rng::with_seed(7);
        loop {
            let mut source = EventSource::open(&url, Some(&last)).await;
            for _ in 0..random.usize(1..40) {
                let event = source.next().await.expect("open");
                last.clone_from(&event.id);
                if event.name == "transition" {
                    told.push(event.id.parse::<i64>().expect("a number"));
                }
                if told.len() as i64 == expected(&database.pool).await && writers_are_done(&database.pool).await {
                    return told;
                }
            }
        }
    };
    let written = async {
        join_all(writers).await;
        sqlx::query("create table done ()").execute(&database.pool).await.expect("told");
    };
    let (told, ()) = timeout(Duration::from_secs(120), async { tokio::join!(reader, written) }).await.expect("in time");
    assert!(told.is_sorted() && told.len() > 150, "{told:?}");
    assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len(), "nothing twice");
}

async fn expected(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "select count(*) from order_history h join orders o on o.id = h.order_id where o.customer_id = 'c-1'",
    )
    .fetch_one(pool)
    .await
    .expect("counted")
}

async fn writers_are_done(pool: &PgPool) -> bool {
    sqlx::query_scalar("select to_regclass('done') is not null").fetch_one(pool).await.expect("an answer")
}
