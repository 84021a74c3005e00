//! Setting up the broker: complete, repeatable, and exact about what differs.

use std::process::Output;

use lapin::types::{AMQPValue, FieldTable};
use order_fleet::topology::{Mismatch, QueueType, Topology, TopologyArgs, TopologyError, WorkQueue};
use tokio::process::Command;

use crate::support::amqp::Client;
use crate::support::{Options, Stage, TestDatabase, VirtualHost, order_of};

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn arguments(pairs: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in pairs {
        table.insert((*name).into(), value.clone());
    }
    table
}

async fn mismatches(host: &VirtualHost, topology: &Topology) -> Vec<Mismatch> {
    match host.declare(topology).await {
        Err(TopologyError::Mismatch(found)) => found,
        other => panic!("expected a mismatch, got {other:?}"),
    }
}

#[tokio::test]
async fn everything_is_declared_once_and_setup_may_be_repeated() {
    let host = VirtualHost::create().await;
    let topology = Topology::new(&TopologyArgs::default());
    let all = topology.exchanges.len() + topology.queues.len();
    let first = host.declare(&topology).await.expect("declared");
    assert_eq!((first.created.len(), first.existed, first.bindings), (all, 0, topology.bindings.len()));
    let second = host.declare(&topology).await.expect("declared again");
    assert_eq!((second.created.len(), second.existed), (0, all));
    let (mut found, mut wanted) =
        (host.queues().await, topology.queues.iter().map(|q| q.name.clone()).collect::<Vec<_>>());
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn what_is_missing_is_added_to_what_is_there() {
    let host = VirtualHost::create().await;
    let topology = Topology::new(&TopologyArgs::default());
    host.declare(&topology).await.expect("declared");
    let client = Client::connect(&host.url).await;
    client.delete_queue("order_retry_1").await;
    let report = host.declare(&topology).await.expect("repaired");
    assert_eq!(report.created, ["queue order_retry_1"]);
}

#[tokio::test]
async fn queues_of_another_type_are_named_and_nothing_is_created() {
    let host = VirtualHost::create().await;
    let client = Client::connect(&host.url).await;
    // as the classic topology declares it
    let classic = [
        ("x-queue-type", text("classic")),
        ("x-dead-letter-exchange", text("dlx")),
        ("x-dead-letter-routing-key", text("failed")),
    ];
    client.declare_queue("order_processing", arguments(&classic)).await;
    let mut told: Vec<String> =
        mismatches(&host, &Topology::new(&TopologyArgs::default())).await.iter().map(ToString::to_string).collect();
    told.sort_unstable();
    let quorum =
        "queue 'order_processing' exists with another x-queue-type: the broker has 'classic', we declare 'quorum'";
    assert!(told.contains(&quorum.to_owned()), "{told:#?}");
    assert_eq!(host.queues().await, ["order_processing"]);
}

#[tokio::test]
async fn every_queue_that_differs_is_named_at_once() {
    let host = VirtualHost::create().await;
    let client = Client::connect(&host.url).await;
    // the seed's retry queue, with a delay that somebody else chose
    let retry = |ttl: i32| {
        arguments(&[
            ("x-queue-type", text("quorum")),
            ("x-delivery-limit", AMQPValue::LongInt(50)),
            ("x-dead-letter-exchange", text("orders")),
            ("x-dead-letter-routing-key", text("process")),
            ("x-dead-letter-strategy", text("at-least-once")),
            ("x-overflow", text("reject-publish")),
            ("x-message-ttl", AMQPValue::LongInt(ttl)),
        ])
    };
    client.declare_queue("order_retry_0", retry(7000)).await;
    client.declare_queue("order_retry_1", retry(30_000)).await;
    client.declare_queue("dead_letters", arguments(&[])).await;
    let found = mismatches(&host, &Topology::new(&TopologyArgs::default())).await;
    let told: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 5, "{told:?}");
    assert!(
        told[3].starts_with("queue 'dead_letters' exists with another x-queue-type: the broker has "),
        "{}",
        told[3]
    );
    assert_eq!(
        told[4],
        "queue 'order_retry_0' exists with another x-message-ttl: the broker has '7000', we declare '5000'"
    );
    assert_eq!(host.queues().await.len(), 3);
}

#[tokio::test]
async fn classic_queues_carry_an_order_from_end_to_end_retries_and_dead_letters_included() {
    let stage = Stage::of_the_whole_fleet(Options { queue_type: QueueType::Classic, ..Options::default() }).await;
    stage.stock("WIDGET-01", 5).await;
    let mut order = order_of("WIDGET-01", 1);
    order["payment_token"] = "tok_error_once".into();
    let id = stage.submit(&order).await;
    stage.publish_order(b"no order").await;
    stage.reaches(&id, "confirmed").await;
    assert_eq!(stage.gateway.totals().errors, 1);
    assert_eq!(stage.dead_letter().await.body, b"no order");
    stage.finish().await;
}

async fn setup(host: &VirtualHost, database: &TestDatabase, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_setup"))
        .args(arguments)
        .env("AMQP_URL", &host.url)
        .env("DATABASE_URL", database.url(None))
        .output()
        .await
        .expect("setup runs")
}

#[tokio::test]
async fn the_command_setup_exits_with_2_on_a_mismatch_and_says_which() {
    let (host, database) = (VirtualHost::create().await, TestDatabase::create().await);
    let first = setup(&host, &database, &["--retry-delays", "1s,2s,3s"]).await;
    assert_eq!(first.status.code(), Some(0), "{first:?}");
    assert!(String::from_utf8_lossy(&first.stdout).contains("created exchange dlx"), "{first:?}");
    let again = setup(&host, &database, &["--retry-delays", "1s,2s,3s"]).await;
    assert!(String::from_utf8_lossy(&again.stdout).contains("nothing was missing"), "{again:?}");
    let other = setup(&host, &database, &["--retry-delays", "1s,2s,4s"]).await;
    assert_eq!(other.status.code(), Some(2), "{other:?}");
    let told = String::from_utf8_lossy(&other.stderr).into_owned();
    assert_eq!(
        told.matches("exists with another x-message-ttl: the broker has '3000', we declare '4000'").count(),
        WorkQueue::ALL.iter().filter(|queue| queue.rungs() == WorkQueue::RUNGS).count(),
        "{told}"
    );
    let described = setup(&host, &database, &["--describe"]).await;
    assert!(String::from_utf8_lossy(&described.stdout).contains("| `orders` | `process` | `order_processing` |"));
}
