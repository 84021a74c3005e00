//! One run of the load generator from the first order to the last consumed event. Called by `src/cli/bench.rs`.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use time::OffsetDateTime;

use super::latency::LatencySummary;
use super::options::{LoadOptions, Pace};
use super::report::{Ended, LoadReport};
use super::settle::{Settled, Source, confirm_latency};
use super::shop::Shop;
use super::submit::{Sending, Sent, send};
use crate::bench::processes::Processes;

/// Numbers of the warm-up's orders begin here, so that their keys are no other order's.
const WARM_UP: u64 = 1 << 40;

/// Sends, waits and reports. `bar` makes a progress bar for a phase and its length.
///
/// # Errors
/// When the API is away, nothing can be ordered, or not everything ends in time.
pub async fn run(options: &LoadOptions, bar: impl Fn(&'static str, u64) -> ProgressBar) -> anyhow::Result<LoadReport> {
    let shop = Rc::new(Shop::new(options)?);
    let connect = |database| PgPoolOptions::new().max_connections(1).connect_lazy_with(database);
    let db = options.database.clone().map(connect);
    let source = db.as_ref().map_or(Source::Api(&shop), Source::Database);
    let products: Rc<[String]> = match options.products {
        Some(count) => shop.make_products(count).await?.into(),
        None => shop.find_products().await?.into(),
    };
    let sending = |phase, first, orders| Sending {
        shop: Rc::clone(&shop),
        products: Rc::clone(&products),
        payment_token: options.payment_token.as_deref().map(Rc::from),
        pace: options.pace,
        first,
        orders,
        bar: bar(phase, orders),
    };
    let settle = options.settle;
    if options.warm_up > 0 {
        let before = source.counts().await?;
        let sent = send(sending("warming up", WARM_UP, options.warm_up)).await;
        ensure!(sent.accepted > 0, "no order of the warm-up was accepted: {:?}", sent.failed);
        if let Some(deadline) = settle {
            source.settle(&before, sent.fresh(), deadline, &ProgressBar::hidden()).await?;
        }
    }
    let before = if settle.is_some() { source.counts().await? } else { Default::default() };
    let cpu = own_cpu();
    let sending = sending("sending", 0, options.orders);
    let bar_of_sending = sending.bar.clone();
    let sent = send(sending).await;
    bar_of_sending.finish_and_clear();
    let mut report = report(options, &sent);
    if let (Some(deadline), Some(first)) = (settle, sent.first_created.filter(|_| sent.fresh() > 0)) {
        let bar = bar("waiting for the end", sent.fresh());
        let settled = source.settle(&before, sent.fresh(), deadline, &bar).await?;
        bar.finish_and_clear();
        let latency = match &db {
            Some(db) => latency_of(db, first).await?,
            None => None,
        };
        report.ended = Some(ended(&sent, first, &settled, latency));
    }
    report.own_cpu_seconds = own_cpu().saturating_sub(cpu).as_secs_f64();
    Ok(report)
}

fn report(options: &LoadOptions, sent: &Sent) -> LoadReport {
    let (pace, rate) = match options.pace {
        Pace::Closed { .. } => ("closed", None),
        Pace::Rate { per_second, .. } => ("open", Some(per_second)),
    };
    LoadReport {
        pace: pace.to_owned(),
        connections: options.pace.connections(),
        rate,
        orders: options.orders,
        accepted: sent.accepted,
        replayed: sent.replayed,
        failed: sent.failed.clone(),
        retries: sent.retries,
        submit_seconds: sent.took.as_secs_f64(),
        accepted_per_second: rate_of(sent.accepted, sent.took.as_secs_f64()),
        accept_latency: sent.latencies.summary(),
        ended: None,
        own_cpu_seconds: 0.0,
    }
}

fn ended(sent: &Sent, first: OffsetDateTime, settled: &Settled, confirm_latency: Option<LatencySummary>) -> Ended {
    let since = |end: Option<OffsetDateTime>| end.map_or(0.0, |end| (end - first).as_seconds_f64());
    let (final_seconds, consumed_seconds) = (since(settled.last_final), since(settled.last_consumed));
    Ended {
        confirmed: settled.confirmed,
        not_confirmed: settled.failed,
        final_seconds,
        orders_per_second: rate_of(sent.fresh(), final_seconds),
        consumed_seconds,
        consumed_per_second: rate_of(sent.fresh(), consumed_seconds),
        confirm_latency,
    }
}

async fn latency_of(db: &PgPool, since: OffsetDateTime) -> anyhow::Result<Option<LatencySummary>> {
    let found = confirm_latency(db, since).await.context("the orders' times cannot be read")?;
    Ok(found.and_then(|(count, mean, quantiles)| {
        let [p50, p95, p99, p999, max] = quantiles.try_into().ok()?;
        Some(LatencySummary { count: u64::try_from(count).ok()?, mean, p50, p95, p99, p999, max })
    }))
}

fn rate_of(orders: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { orders as f64 / seconds } else { 0.0 }
}

/// None where the system does not tell: then nothing is reported as used.
fn own_cpu() -> Duration {
    Processes::look().tree(std::process::id()).map_or(Duration::ZERO, |tree| tree.cpu)
}
