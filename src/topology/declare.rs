//! Brings the broker to the table: first compares everything that exists, then creates what is missing. Nothing is changed
//! when anything differs. Called by `setup`; safe to repeat at any time.

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ErrorKind, ExchangeKind};
use tokio::time::timeout;

use super::table::{Arguments, Exchange, Queue, Topology};
use super::{Argument, Mismatch};

/// A declaration waits for a Raft election at worst; longer means that the broker lost its majority. (Named in the error text.)
const DEADLINE: Duration = Duration::from_secs(15);
/// AMQP reply codes (AMQP 0-9-1, 1.2.1).
const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;

#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Mismatch(Vec<Mismatch>),
    #[error("the broker did not answer within 15 s while {0}")]
    Deadline(String),
    #[error("the broker refused while {doing}")]
    Broker { doing: String, source: lapin::Error },
}

/// What [`apply`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub created: Vec<String>,
    pub existed: usize,
    pub bindings: usize,
}

/// Declares the topology on a connection of its own: a refused declaration may close more than its channel.
///
/// # Errors
/// [`TopologyError::Mismatch`] names every queue and exchange that exists with other arguments; nothing was changed then.
pub async fn apply(connection: &Connection, topology: &Topology) -> Result<Report, TopologyError> {
    let mut mismatches = Vec::new();
    let mut missing_exchanges = Vec::new();
    let mut missing_queues = Vec::new();
    for exchange in &topology.exchanges {
        match probe_exchange(connection, exchange).await? {
            Found::Same => {}
            Found::Nothing => missing_exchanges.push(exchange),
            Found::Other(found) => mismatches.extend(found),
        }
    }
    for queue in &topology.queues {
        match probe_queue(connection, queue).await? {
            Found::Same => {}
            Found::Nothing => missing_queues.push(queue),
            Found::Other(found) => mismatches.extend(found),
        }
    }
    if !mismatches.is_empty() {
        return Err(TopologyError::Mismatch(mismatches));
    }
    let existed = topology.exchanges.len() + topology.queues.len() - missing_exchanges.len() - missing_queues.len();
    let mut report = Report { created: Vec::new(), existed, bindings: 0 };
    let channel = open(connection).await?;
    for exchange in missing_exchanges {
        let declared = declare_exchange(&channel, exchange, false);
        wait(format!("declaring the exchange '{}'", exchange.name), declared).await?;
        report.created.push(format!("exchange {}", exchange.name));
    }
    for queue in missing_queues {
        let declared = declare_queue(&channel, queue, false);
        wait(format!("declaring the queue '{}'", queue.name), declared).await?;
        report.created.push(format!("queue {}", queue.name));
    }
    for binding in &topology.bindings {
        let bound = channel.queue_bind(
            binding.queue.into(),
            binding.exchange.into(),
            binding.routing_key.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        wait(format!("binding '{}' to '{}'", binding.queue, binding.exchange), bound).await?;
        report.bindings += 1;
    }
    Ok(report)
}

enum Found {
    Nothing,
    Same,
    Other(Vec<Mismatch>),
}

/// A failed probe closes its channel, so each has its own.
async fn probe_queue(connection: &Connection, queue: &Queue) -> Result<Found, TopologyError> {
    let doing = || format!("comparing the queue '{}'", queue.name);
    if is_missing(wait(doing(), declare_queue(&open(connection).await?, queue, true)).await)? {
        return Ok(Found::Nothing);
    }
    let mut queue = queue.clone();
    let mut found = Vec::new();
    // The broker names one difference at a time: each is taken over from it, until it has no more to name.
    loop {
        let declared = wait(doing(), declare_queue(&open(connection).await?, &queue, false)).await;
        match same(declared, "queue", &queue.name)? {
            Found::Other(next) => {
                let known = next.iter().all(|mismatch| adopt(&mut queue.arguments, mismatch));
                if known || found.is_empty() {
                    found.extend(next);
                }
                if !known {
                    return Ok(Found::Other(found));
                }
            }
            Found::Same | Found::Nothing if found.is_empty() => return Ok(Found::Same),
            Found::Same | Found::Nothing => return Ok(Found::Other(found)),
        }
    }
}

/// Gives the argument the broker's value. `false` when that cannot be told from its words.
fn adopt(arguments: &mut Arguments, mismatch: &Mismatch) -> bool {
    let Some(name) = arguments.keys().copied().find(|name| *name == mismatch.argument) else { return false };
    let text = mismatch.actual.trim_matches('\'');
    let adopted = match (text, text.parse()) {
        ("none", _) => return arguments.remove(name).is_some(),
        (_, Ok(number)) => Argument::Number(number),
        (_, Err(_)) => Argument::Text(text.to_owned()),
    };
    arguments.insert(name, adopted.clone()) != Some(adopted)
}

async fn probe_exchange(connection: &Connection, exchange: &Exchange) -> Result<Found, TopologyError> {
    let doing = || format!("comparing the exchange '{}'", exchange.name);
    if is_missing(wait(doing(), declare_exchange(&open(connection).await?, exchange, true)).await)? {
        return Ok(Found::Nothing);
    }
    same(wait(doing(), declare_exchange(&open(connection).await?, exchange, false)).await, "exchange", exchange.name)
}

async fn declare_queue(channel: &Channel, queue: &Queue, passive: bool) -> Result<(), lapin::Error> {
    let options = QueueDeclareOptions { passive, ..QueueDeclareOptions::durable() };
    channel.queue_declare(queue.name.as_str().into(), options, table(&queue.arguments)).await.map(drop)
}

async fn declare_exchange(channel: &Channel, exchange: &Exchange, passive: bool) -> Result<(), lapin::Error> {
    let options = ExchangeDeclareOptions { passive, durable: true, ..ExchangeDeclareOptions::default() };
    let kind = ExchangeKind::Custom(exchange.kind.into());
    channel.exchange_declare(exchange.name.into(), kind, options, FieldTable::default()).await
}

async fn open(connection: &Connection) -> Result<Channel, TopologyError> {
    wait("opening a channel".to_owned(), connection.create_channel()).await
}

async fn wait<T>(doing: String, call: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, TopologyError> {
    match timeout(DEADLINE, call).await {
        Ok(answer) => answer.map_err(|source| TopologyError::Broker { doing, source }),
        Err(_) => Err(TopologyError::Deadline(doing)),
    }
}

fn is_missing(answer: Result<(), TopologyError>) -> Result<bool, TopologyError> {
    match answer {
        Ok(()) => Ok(false),
        Err(TopologyError::Broker { source, .. }) if reply_code(&source) == Some(NOT_FOUND) => Ok(true),
        Err(error) => Err(error),
    }
}

fn same(answer: Result<(), TopologyError>, entity: &'static str, name: &str) -> Result<Found, TopologyError> {
    match answer {
        Ok(()) => Ok(Found::Same),
        Err(TopologyError::Broker { source, .. }) if reply_code(&source) == Some(PRECONDITION_FAILED) => {
            Ok(Found::Other(vec![Mismatch::parse(entity, name, &source.to_string())]))
        }
        Err(error) => Err(error),
    }
}

fn reply_code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}

fn table(arguments: &Arguments) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        let value = match value {
            Argument::Text(text) => AMQPValue::LongString(text.as_str().into()),
            Argument::Number(number) => AMQPValue::LongLongInt(*number),
        };
        table.insert((*name).into(), value);
    }
    table
}
