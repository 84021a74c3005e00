//! Sends the orders, each by its own way in: HTTP, the command `orders`, and AMQP without any help of ours. Called by [`super::run`].

use std::path::Path;

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::catalogue::REGULAR;
use super::orders::{self, BY_FLAGS, BY_HTTP, BY_ROWS, Special};
use super::programs::Programs;
use super::shop::Shop;
use super::stage::Stage;
use crate::config::BrokerArgs;
use crate::contract::Unroutable;
use crate::domain::OrderId;
use crate::messaging::{Broker, Wire};
use crate::topology::names::{ORDERS, PROCESS};

/// The orders by HTTP, all at once; the answers in their order.
///
/// # Errors
/// When the API does not accept one of them.
pub async fn by_http(shop: &Shop) -> anyhow::Result<Vec<OrderId>> {
    try_join_all((0..BY_HTTP).map(|position| {
        let order = orders::by_http(position);
        async move { shop.submit(&order).await }
    }))
    .await
}

/// The id of a special order among those by HTTP.
///
/// # Errors
/// When there are fewer orders than there should be.
pub fn special(ids: &[OrderId], special: Special) -> anyhow::Result<OrderId> {
    ids.get(special.position()).copied().context("an order by HTTP is missing")
}

/// The orders by the command line: some by flags, some as rows of a JSON-lines file.
///
/// # Errors
/// With the command's own words when it does not accept one of them.
pub async fn by_command_line(programs: &Programs, shop: &Shop, folder: &Path) -> anyhow::Result<Vec<OrderId>> {
    let api = ["--api-url".to_owned(), shop.address().to_owned(), "--json".to_owned(), "submit".to_owned()];
    let mut ids = Vec::new();
    for position in 0..BY_FLAGS {
        let answer = programs.answer("orders", &[&api[..], &orders::by_flags(position)].concat()).await?;
        ids.push(id_in(&answer, "/id")?);
    }
    let rows: Vec<String> = (0..BY_ROWS).map(|row| format!("{}\n", orders::by_row(BY_FLAGS + row))).collect();
    let file = folder.join("orders.jsonl");
    std::fs::write(&file, rows.concat()).with_context(|| format!("{} cannot be written", file.display()))?;
    let flags = ["--jsonl".to_owned(), file.display().to_string()];
    let answer = programs.answer("orders", &[&api[..], &flags].concat()).await?;
    for verdict in answer.lines().filter(|line| line.contains("order_id")) {
        ids.push(id_in(verdict, "/order_id")?);
    }
    ensure!(ids.len() == BY_FLAGS + BY_ROWS, "orders accepted {} of {}: {answer}", ids.len(), BY_FLAGS + BY_ROWS);
    Ok(ids)
}

/// What came in straight over AMQP.
pub struct ByAmqp {
    pub by_command: OrderId,
    pub by_foreign_program: OrderId,
    /// Its product is not in the catalogue yet.
    pub too_early: OrderId,
}

/// # Errors
/// When the broker does not store one of them.
pub async fn by_amqp(programs: &Programs, stage: &Stage) -> anyhow::Result<ByAmqp> {
    let flags = [vec!["--json".to_owned(), "submit".to_owned(), "--amqp".to_owned()], orders::by_flags(BY_HTTP)];
    let answer = programs.answer("orders", &flags.concat()).await?;
    let by_command = id_in(&answer, "/id")?;
    let now = OffsetDateTime::now_utc().format(&Rfc3339)?;
    let (by_foreign_program, too_early) = (OrderId::mint(), OrderId::mint());
    let plain = orders::by_foreign_program(by_foreign_program.0, BY_HTTP + 1, &REGULAR[2], 2, &now);
    let messages = [
        foreign(serde_json::to_vec(&plain)?),
        foreign(serde_json::to_vec(&orders::too_early(too_early.0, &now))?),
        foreign(orders::poison(&now)),
    ];
    let broker = Broker::new(&BrokerArgs { amqp_url: stage.amqp_url.clone() }, "demo")?;
    // Without message ids a return cannot be told from a confirm; what becomes of the messages is seen at the end.
    broker
        .publisher("demo")
        .await?
        .publish(&messages)
        .await
        .context("the messages of the foreign program are in doubt")?;
    Ok(ByAmqp { by_command, by_foreign_program, too_early })
}

/// As a program that knows nothing of us publishes: the body, and no property at all.
fn foreign(body: Vec<u8>) -> Wire {
    Wire {
        message_id: Uuid::nil(),
        exchange: ORDERS.to_owned(),
        routing_key: PROCESS.to_owned(),
        properties: lapin::BasicProperties::default(),
        body,
        unroutable: Unroutable::Keep,
    }
}

fn id_in(answer: &str, pointer: &str) -> anyhow::Result<OrderId> {
    let document: Value = serde_json::from_str(answer).with_context(|| format!("orders wrote no JSON: {answer}"))?;
    let id = document.pointer(pointer).and_then(Value::as_str).context("orders wrote no id")?;
    Ok(OrderId(Uuid::parse_str(id)?))
}
