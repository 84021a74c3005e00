//! Broken connections, channels and queues: every role comes back by itself, and no order is lost.

use lapin::types::{AMQPValue, FieldTable};

use lapin::BasicProperties;

use crate::support::amqp::Client;
use crate::support::{MARKER, Options, Role, Stage, eventually, garbling_proxy, order_of};

/// order-processor has two consumers, each of the five others one, and each consumer has a connection of its own.
const CONSUMERS: usize = 7;

async fn submit_many(stage: &Stage, count: usize) {
    for _ in 0..count {
        stage.submit(&order_of("WIDGET-01", 1)).await;
    }
}

#[tokio::test]
async fn connections_closed_by_an_operator_cost_nothing() {
    let stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 100).await;
    submit_many(&stage, 10).await;
    stage.host.close_connections(CONSUMERS).await;
    submit_many(&stage, 10).await;
    stage.reach(20, "confirmed").await;
    // the test's own connection is gone, too
    stage.reconnected().await.finish().await;
}

#[tokio::test]
async fn a_queue_deleted_under_its_consumer_is_consumed_again_once_it_is_back() {
    let stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 100).await;
    submit_many(&stage, 3).await;
    stage.reach(3, "confirmed").await;
    stage.client.delete_queue("payment_requests").await;
    eventually("the payment-service notices", async || (!stage.is_ready("payment-service-1")).then_some(())).await;
    // what is sent meanwhile waits at its sender: unroutable, so kept
    submit_many(&stage, 3).await;
    stage.declare().await;
    stage.reach(6, "confirmed").await;
    eventually("everybody is ready", async || stage.is_ready("payment-service-1").then_some(())).await;
    stage.finish().await;
}

#[tokio::test]
async fn a_consumer_whose_queue_has_another_shape_waits_and_works_once_it_is_repaired() {
    let stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.stock("WIDGET-01", 100).await;
    stage.client.delete_queue("inventory_requests").await;
    let mut other = FieldTable::default();
    other.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
    stage.client.declare_queue("inventory_requests", other).await;
    submit_many(&stage, 3).await;
    // the consumer does not declare, so it works with what is there
    stage.reach(3, "confirmed").await;
    stage.finish().await;
}

#[tokio::test]
async fn a_message_that_the_client_library_cannot_parse_stops_nobody_and_is_kept() {
    let mut stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.start(&[Role::DeadLetters]).await;
    stage.stock("WIDGET-01", 100).await;
    let (server, rest) = server_of(&stage.host.url);
    let address = garbling_proxy(server).await;
    let (user, _) = stage.host.url.split_once('@').expect("a user");
    let stranger = Client::connect(&format!("{user}@{address}/{rest}")).await;
    let marker = std::str::from_utf8(MARKER).expect("UTF-8");
    let properties = BasicProperties::default().with_correlation_id(marker.into()).with_delivery_mode(2);
    stranger.publish("orders", "process", properties, b"{}").await;
    submit_many(&stage, 20).await;
    stage.reach(20, "confirmed").await;
    eventually("the broker gives it up, and so does the dead-letter-handler", async || {
        (stage.client.depth("unreadable_letters").await == 1).then_some(())
    })
    .await;
    stage.client.purge("unreadable_letters").await;
    stage.finish().await;
}

/// Host and port of an AMQP address, and what follows them.
fn server_of(url: &str) -> (String, String) {
    let (_, address) = url.split_once('@').expect("a user");
    let (server, rest) = address.split_once('/').expect("a virtual host");
    (server.to_owned(), rest.to_owned())
}
