//! Publishing and consuming on a quorum queue of its own, with nothing in between. Called by [`super::measure`].

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, PublisherConfirm};
use tokio::time::timeout;

use super::meter::Meter;
use super::{Cost, Parts};
use crate::bench::servers::Servers;
use crate::config::BrokerArgs;
use crate::messaging::Broker;

const QUEUE: &str = "bench_limits";
/// About what an order weighs.
const BODY: [u8; 500] = [b'x'; 500];
const PERSISTENT: u8 = 2;
/// Enough that the clock's ticks of 10 ms are a few per cent.
const PIPELINED: usize = 20_000;
const AWAITED: usize = 2_000;
/// Prefetch, as in `config::ConsumerArgs`.
const PREFETCH: u16 = 256;
const OPEN: usize = 1_000;
/// Longest wait for any of the four.
const DEADLINE: Duration = Duration::from_secs(120);

pub async fn measure(servers: &Servers, parts: &mut Parts) -> anyhow::Result<()> {
    let broker = Broker::new(&BrokerArgs { amqp_url: servers.amqp_url.clone() }, "bench")?;
    let connection = broker.connect("limits").await?;
    let channel = connection.create_channel().await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    channel.queue_declare(QUEUE.into(), QueueDeclareOptions::durable(), arguments).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let pid = servers.broker;
    parts.publish_awaited = in_time(publish(&channel, AWAITED, 1, pid)).await?;
    in_time(consume(&connection, AWAITED, 50, pid)).await?;
    parts.publish_pipelined = in_time(publish(&channel, PIPELINED, OPEN, pid)).await?;
    parts.consume_ack_fifty = in_time(consume(&connection, PIPELINED, 50, pid)).await?;
    in_time(publish(&channel, PIPELINED / 4, OPEN, pid)).await?;
    parts.consume_ack_each = in_time(consume(&connection, PIPELINED / 4, 1, pid)).await?;
    channel.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await?;
    connection.close(200, "done".into()).await?;
    Ok(())
}

async fn in_time(work: impl Future<Output = anyhow::Result<Cost>>) -> anyhow::Result<Cost> {
    timeout(DEADLINE, work).await.context("the broker's limits take too long")?
}

#[expect(clippy::disallowed_methods, reason = "what the publisher adds is part of what is measured against this")]
async fn publish(channel: &Channel, messages: usize, open: usize, pid: u32) -> anyhow::Result<Cost> {
    let meter = Meter::start(pid);
    let mut confirms: VecDeque<PublisherConfirm> = VecDeque::with_capacity(open);
    for _ in 0..messages {
        let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        confirms.push_back(channel.basic_publish("".into(), QUEUE.into(), options, &BODY, properties).await?);
        if confirms.len() >= open {
            confirm(&mut confirms).await?;
        }
    }
    while !confirms.is_empty() {
        confirm(&mut confirms).await?;
    }
    Ok(meter.cost(messages))
}

async fn confirm(confirms: &mut VecDeque<PublisherConfirm>) -> anyhow::Result<()> {
    if let Some(oldest) = confirms.pop_front() {
        ensure!(matches!(oldest.await?, Confirmation::Ack(None)), "the broker did not store a message");
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "what the consumer adds is part of what is measured against this")]
async fn consume(connection: &Connection, messages: usize, together: usize, pid: u32) -> anyhow::Result<Cost> {
    let channel = connection.create_channel().await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let meter = Meter::start(pid);
    let options = BasicConsumeOptions::default();
    let mut consumer = channel.basic_consume(QUEUE.into(), "bench".into(), options, FieldTable::default()).await?;
    for number in 1..=messages {
        let delivery = consumer.next().await.context("the consumer was cancelled")??;
        if number % together == 0 || number == messages {
            ensure!(delivery.acker.ack(BasicAckOptions { multiple: together > 1 }).await?, "the channel is gone");
        }
    }
    let cost = meter.cost(messages);
    channel.close(200, "done".into()).await?;
    Ok(cost)
}
