//! The broker closes a consumer's channel for an acknowledgement it does not know (406), or because one has not come for too long.

use std::time::Duration;

use lapin::types::FieldTable;
use tokio::time::sleep;

use super::{all_once, submit};
use crate::support::virtual_host::address_of_the_broker;
use crate::support::{Instance, Intruder, Options, Stage, eventually};

const ROUNDS: i64 = 4;
/// Orders that are under way when the channels are closed.
const ORDERS: i64 = 10;
/// order-processor has two consumers, each of the five others one.
const CONSUMERS: usize = 7;

#[tokio::test]
async fn consumers_whose_acknowledgement_is_refused_are_rebuilt_and_nothing_is_lost_or_doubled() {
    let (amqp, management) = address_of_the_broker();
    let (intruder, through) = Intruder::before(&amqp).await;
    let mut stage =
        Stage::of_the_whole_fleet(Options { broker: Some((through, management)), ..Options::default() }).await;
    stage.stock("WIDGET-01", 1000).await;
    for round in 1..=ROUNDS {
        stage.are_ready().await;
        let wanted = intruder.refused() + CONSUMERS;
        submit(&stage, ORDERS).await;
        intruder.acknowledge_the_unknown();
        eventually("the broker has closed every consumer's channel", async || {
            (intruder.refused() >= wanted).then_some(())
        })
        .await;
        stage.reach(round * ORDERS, "confirmed").await;
    }
    all_once(&mut stage, ROUNDS * ORDERS).await;
    stage.finish().await;
}

/// What the broker says when it has waited for an acknowledgement for too long.
const TIMED_OUT: &str = "delivery acknowledgement on channel";
/// Milliseconds; the broker's own defaults are 30 minutes, looked at once a minute.
const PATIENCE: &str = "2000";
const LOOKS_EVERY: &str = "500";

#[tokio::test]
async fn a_consumer_that_holds_longer_than_the_broker_waits_is_rebuilt_and_goes_on() {
    let instance = Instance::start().await;
    for (setting, value) in [("consumer_timeout", PATIENCE), ("channel_tick_interval", LOOKS_EVERY)] {
        instance.rabbitmqctl(&["eval", &format!("application:set_env(rabbit, {setting}, {value}).")]).await;
    }
    let broker = Some((instance.amqp_url.clone(), instance.management_url.clone()));
    let mut stage = Stage::of_the_whole_fleet(Options { broker, ..Options::default() }).await;
    stage.stock("WIDGET-01", 1000).await;
    let (queue, exchange) = ("analytics".into(), "events".into());
    stage.client.channel.queue_unbind(queue, exchange, "#".into(), FieldTable::default()).await.expect("unbound");
    submit(&stage, ORDERS).await;
    eventually("the broker has lost its patience twice", async || {
        (instance.log().matches(TIMED_OUT).count() >= 2).then_some(())
    })
    .await;
    // in hand again, in a session that will end in the same way
    sleep(Duration::from_millis(500)).await;
    stage.declare().await;
    all_once(&mut stage, ORDERS).await;
    stage.finish().await;
}
